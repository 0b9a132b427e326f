"""The organizations of a deployment, for what is done for each of them."""

from collections.abc import Iterator
from typing import Final

from usance.application.access.credentials import ROOT
from usance.application.ports.entities import EntityRepository

PAGE: Final = 100


def organization_ids(entities: EntityRepository) -> Iterator[str]:
    """Their ids."""
    token: str | None = None
    while True:
        page = entities.list_page(ROOT, "organization", filters={}, page_size=PAGE, next_token=token)
        yield from (organization["id"] for organization in page.data)
        token = page.next_token
        if token is None:
            return

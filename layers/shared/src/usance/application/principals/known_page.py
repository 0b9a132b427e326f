"""A page of entities whose ids are known beforehand."""

from collections.abc import Iterable

from usance.application.access.authorize import permitted
from usance.application.entities.ports import EntityPorts
from usance.application.paging import decode_token, encode_token
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller


def known_page(
    ports: EntityPorts, caller: Caller, type_: str, ids: Iterable[str], *, page_size: int, next_token: str | None
) -> Page:
    """Those of the entities that the caller may read, newest first."""
    limit = decode_token(next_token) if next_token else None
    below = sorted({id_ for id_ in ids if limit is None or id_ < limit}, reverse=True)
    may = permitted(caller, Action.CONFIG_RETRIEVE, type_, below)
    shown = [id_ for id_ in below if id_ in may]
    data = ports.entities.get_many(caller.org_id, type_, shown[:page_size])
    return Page(data, encode_token(shown[page_size - 1]) if len(shown) > page_size else None)

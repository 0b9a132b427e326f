"""List the entities of a resource in the order of one of their fields."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final

from usance.application.access.authorize import require_some, visible
from usance.application.entities.find import NOWHERE, require_place
from usance.application.entities.list_entities import ListQuery
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants
from usance.resources.resource import Resource
from usance.resources.wire import Document

ORDERED_MAX: Final = 20_000  # held at a time
READ_AT_ONCE: Final = 500
_MARK: Final = "after:"


def list_in_order(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    query: ListQuery,
    *,
    descending: bool,
    place: Mapping[str, str] = NOWHERE,
) -> Page:
    """A page in the order of `resource.order_by`, and of ids where that is equal.

    Every match is read, up to `ORDERED_MAX`; of more, `InvalidInputError`. A token names a place in the order, not a
    row, so that pages survive inserts and deletes between them.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, resource.type)
    require_place(ports, caller, resource, place)
    where = {**query.filters, **{field: [id_] for field, id_ in place.items()}}
    now = instants.to_text(ports.clock.now())
    stored = _all(ports, caller.org_id, resource, where)
    keyed = sorted(
        (
            (f"{document.get(resource.order_by, '')}/{document['id']}", document)
            for document in visible(caller, resource.type, stored)
            if resource.selection is None or resource.selection.keep(document, query.selected, now)
        ),
        key=itemgetter(0),
        reverse=descending,
    )
    if query.next_token is not None:
        last = _decode(query.next_token)
        keyed = [(key, document) for key, document in keyed if (key < last if descending else key > last)]
    page = keyed[: query.page_size]
    token = _encode(page[-1][0]) if len(keyed) > query.page_size else None
    return Page(shown(ports, caller, resource, [document for _, document in page]), token)


def _all(ports: EntityPorts, org_id: str, resource: Resource, where: Mapping[str, Sequence[str]]) -> list[Document]:
    found: list[Document] = []
    token: str | None = None
    while True:
        page = ports.entities.list_page(org_id, resource.type, filters=where, page_size=READ_AT_ONCE, next_token=token)
        found.extend(page.data)
        token = page.next_token
        if token is None:
            return found
        if len(found) >= ORDERED_MAX:
            raise InvalidInputError(f"sortOrder: more than {ORDERED_MAX} entities; narrow the list by a filter")


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}{key}".encode()).decode().rstrip("=")


def _decode(token: str) -> str:
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(_MARK):
        raise InvalidInputError("nextToken is not a token that this list gave; leave it out to start again")
    return text.removeprefix(_MARK)

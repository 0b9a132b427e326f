"""List the entities of a resource in the order of one of their fields."""

from collections.abc import Mapping, Sequence

from usance.application.access.authorize import require_some, visible
from usance.application.entities.find import NOWHERE, require_place
from usance.application.entities.list_entities import ListQuery
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.ordering import ordered_page
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller
from usance.resources import instants
from usance.resources.resource import Resource
from usance.resources.wire import Document


def list_in_order(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    query: ListQuery,
    *,
    descending: bool,
    place: Mapping[str, str] = NOWHERE,
) -> Page:
    """A page in the order of `resource.order_by`, and of ids where that is equal; limits as `ordered_page` has them."""
    require_some(caller, Action.CONFIG_RETRIEVE, resource.type)
    require_place(ports, caller, resource, place)
    where = {**query.filters, **{field: [id_] for field, id_ in place.items()}}
    now = instants.to_text(ports.clock.now())

    def read(size: int, token: str | None) -> Page:
        return ports.entities.list_page(caller.org_id, resource.type, filters=where, page_size=size, next_token=token)

    def keep(stored: Sequence[Document]) -> list[Document]:
        return [
            document
            for document in visible(caller, resource.type, stored)
            if resource.selection is None or resource.selection.keep(document, query.selected, now)
        ]

    page = ordered_page(
        read,
        keep,
        lambda document: f"{document.get(resource.order_by, '')}/{document['id']}",
        asked_by="sortOrder",
        descending=descending,
        page_size=query.page_size,
        next_token=query.next_token,
    )
    return Page(shown(ports, caller, resource, page.data, query.additional), page.next_token)

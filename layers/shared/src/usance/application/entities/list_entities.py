"""List the entities of any resource, newest first or in the order of one of their fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usance.application.access.authorize import require_some, visible
from usance.application.entities.find import NOWHERE, require_place
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.ordering import ordered_page
from usance.application.paging import kept_page
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller
from usance.resources import instants
from usance.resources.resource import Resource
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What to list: `filters` by index, `selected` parameters of the resource's selection, `additional` fields.

    With `descending` set, either way, the order is that of `resource.order_by`, and of ids where that is equal.
    """

    page_size: int
    next_token: str | None = None
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    selected: Mapping[str, str] = field(default_factory=dict)
    additional: Sequence[str] = ()
    descending: bool | None = None


def list_entities(
    ports: EntityPorts, caller: Caller, resource: Resource, query: ListQuery, place: Mapping[str, str] = NOWHERE
) -> Page:
    """A page. Entities that a policy denies, or the selection leaves out, are not on it.

    In the order of a field, limits are as `ordered_page` has them.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, resource.type)
    require_place(ports, caller, resource, place)
    filters = {**query.filters, **{field: [id_] for field, id_ in place.items()}}
    deadline = of_request(ports.clock)
    now = instants.to_text(ports.clock.now())

    def read(size: int, token: str | None) -> Page:
        return ports.entities.list_page(
            caller.org_id, resource.type, filters=filters, page_size=size, next_token=token, deadline=deadline
        )

    def keep(documents: Sequence[Document]) -> Sequence[Document]:
        return [
            document
            for document in visible(caller, resource.type, documents)
            if resource.selection is None or resource.selection.keep(document, query.selected, now)
        ]

    if query.descending is None:
        page = kept_page(read, keep, page_size=query.page_size, next_token=query.next_token, deadline=deadline)
    else:
        page = ordered_page(
            read,
            keep,
            lambda document: f"{document.get(resource.order_by, '')}/{document['id']}",
            asked_by="sortOrder",
            descending=query.descending,
            page_size=query.page_size,
            next_token=query.next_token,
            deadline=deadline,
        )
    return Page(shown(ports, caller, resource, page.data, query.additional), page.next_token)

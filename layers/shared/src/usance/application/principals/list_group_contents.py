"""What a resource group holds directly (platform.md 5)."""

from collections.abc import Sequence

from usance.application.access.authorize import permitted, require
from usance.application.access.groups import MEMBER
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.paging import kept_page
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Page
from usance.application.principals.add_to_group import NESTED
from usance.domain.access import Action, Caller
from usance.resources.resource_group import RESOURCE_GROUP
from usance.resources.wire import Document


def list_group_contents(
    ports: EntityPorts, caller: Caller, kind: str, group_id: str, *, page_size: int, next_token: str | None
) -> Page:
    """A page of members, the latest added first; those that the caller may not read are left out."""
    require(caller, Action.CONFIG_RETRIEVE, RESOURCE_GROUP.type, group_id)
    find(ports, caller.org_id, RESOURCE_GROUP, group_id, {"type": kind})
    filters = {"resourceGroupId": [group_id]}

    def keep(members: Sequence[Document]) -> Sequence[Document]:
        may: set[str] = set()
        for type_, nested in ((kind, False), (RESOURCE_GROUP.type, True)):
            ids = [member["targetId"] for member in members if (member["targetType"] == NESTED) is nested]
            may |= permitted(caller, Action.CONFIG_RETRIEVE, type_, ids)
        return [member for member in members if member["targetId"] in may]

    return kept_page(
        lambda size, token: ports.entities.list_page(
            caller.org_id, MEMBER, filters=filters, page_size=size, next_token=token
        ),
        keep,
        page_size=page_size,
        next_token=next_token,
        deadline=of_request(ports.clock),
    )

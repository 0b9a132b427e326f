"""Take an entity, or another group, out of a resource group (platform.md 5)."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.access.groups import MEMBER, member_value
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Delete
from usance.application.principals.add_to_group import check_group_version
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.resource_group import RESOURCE_GROUP, GroupTarget
from usance.resources.validation import validated
from usance.resources.wire import Document


def remove_from_group(
    ports: EntityPorts, caller: Caller, kind: str, group_id: str, body: Mapping[str, Any]
) -> Document:
    """The group. `NotFoundError` when it does not hold the target."""
    require(caller, Action.CONFIG_UPDATE, RESOURCE_GROUP.type, group_id)
    group = find(ports, caller.org_id, RESOURCE_GROUP, group_id, {"type": kind})
    target = validated(GroupTarget, body)
    check_group_version(target, group)
    member = ports.entities.find_unique(caller.org_id, MEMBER, "member", member_value(group_id, target.target_id))
    if member is None or member["targetType"] != target.target_type:
        raise NotFoundError(f"the resource group {group_id} does not hold the {target.target_type} {target.target_id}")
    ports.entities.commit(caller.org_id, [Delete(MEMBER, member["id"])])
    return group

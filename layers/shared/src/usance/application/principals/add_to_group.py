"""Put an entity, or another group, into a resource group (platform.md 5)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.access.groups import GROUP, LEVELS_MAX, MEMBER, NESTED_MAX, around, inside, member_value
from usance.application.audit import created
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Guard, Put, Reference, StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import (
    DuplicateCodeError,
    InvalidInputError,
    UnavailableError,
    VersionConflictError,
)
from usance.resources.resource_group import RESOURCE_GROUP, GroupTarget
from usance.resources.validation import validated
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # rivals that nest groups of one type; each round lets one of them pass
NESTED: Final = "GROUP"


def add_to_group(ports: EntityPorts, caller: Caller, kind: str, group_id: str, body: Mapping[str, Any]) -> Document:
    """The group, which holds the target now, or held it before. Its version stays: what it holds is no field of it.

    `InvalidInputError` when the target does not exist, or when the group would be inside itself.
    """
    require(caller, Action.CONFIG_UPDATE, RESOURCE_GROUP.type, group_id)
    group = find(ports, caller.org_id, RESOURCE_GROUP, group_id, {"type": kind})
    target = validated(GroupTarget, body)
    check_group_version(target, group)
    for _ in range(ATTEMPTS_MAX):
        guards: tuple[Guard, ...] = ()
        if target.target_type == NESTED:
            guards = (ports.entities.read_guard(caller.org_id, f"nesting of groups of {kind}"),)
            _check_nesting(ports, caller.org_id, group, target.target_id)
        try:
            ports.entities.commit(caller.org_id, [_member(ports, caller, group, target, guards)])
        except StaleGuardError:
            continue
        except DuplicateCodeError:
            return group
        return group
    raise UnavailableError("others keep changing the groups; repeat the request")


def check_group_version(target: GroupTarget, group: Document) -> None:
    """`VersionConflictError` when the client names another version of the group than there is."""
    if target.version is not None and target.version != group["version"]:
        raise VersionConflictError(
            f"version {target.version} of the resource group {group['id']} is not its current version "
            f"{group['version']}; read it again"
        )


def _member(ports: EntityPorts, caller: Caller, group: Document, target: GroupTarget, guards: Sequence[Guard]) -> Put:
    body = {"resourceGroupId": group["id"], "targetId": target.target_id, "targetType": target.target_type}
    nested = target.target_type == NESTED
    return Put(
        MEMBER,
        created(body, ports.ids.new(), caller.audit_name, ports.clock.now()),
        unique={"member": member_value(group["id"], target.target_id)},
        indexed={
            "resourceGroupId": [group["id"]],
            "targetId": [target.target_id],
            **({"nestedIn": [group["id"]]} if nested else {}),
        },
        references=(
            Reference(GROUP, group["id"], "resourceGroupId"),
            Reference(GROUP if nested else group["type"], target.target_id, "targetId"),
        ),
        guards=guards,
    )


def _check_nesting(ports: EntityPorts, org_id: str, group: Document, target_id: str) -> None:
    other = ports.entities.get(org_id, GROUP, target_id)
    if other is None or other["type"] != group["type"]:
        raise InvalidInputError(f"targetId: there is no resource group of type {group['type']} {target_id[:100]}")
    below = inside(ports.entities, org_id, [target_id])
    if group["id"] in {target_id}.union(*below):
        raise InvalidInputError("targetId: a group cannot be inside itself, nor in a group that is inside it")
    above = around(ports.entities, org_id, [group["id"]])
    if len(above) + 1 + len(below) > LEVELS_MAX:
        raise InvalidInputError(f"targetId: groups may be nested {LEVELS_MAX} levels deep")
    relatives = inside(ports.entities, org_id, {group["id"]}.union(*above))
    if len({target_id}.union(*below, *relatives)) > NESTED_MAX:
        raise InvalidInputError(f"targetId: at most {NESTED_MAX} groups may be nested in one another")

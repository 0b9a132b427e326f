"""Detach a permission policy from a principal (platform.md 4.5)."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Delete
from usance.application.principals.attach_policy import ATTACHMENT, attachment_id, principal_of
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.wire import Document


def detach_policy(
    ports: EntityPorts, caller: Caller, policy_id: str, principal_type: str, body: Mapping[str, Any]
) -> Document:
    """The attachment as it was. `NotFoundError` when the policy is not attached to such a principal."""
    require(caller, Action.CONFIG_UPDATE, PERMISSION_POLICY.type, policy_id)
    find(ports, caller.org_id, PERMISSION_POLICY, policy_id)
    principal_id = principal_of(principal_type, body)
    attached = ports.entities.get(caller.org_id, ATTACHMENT, attachment_id(caller.org_id, policy_id, principal_id))
    if attached is None or attached["principalType"] != principal_type:
        raise NotFoundError(f"the policy {policy_id} is not attached to the {principal_type} {principal_id[:100]}")
    ports.entities.commit(caller.org_id, [Delete(ATTACHMENT, attached["id"])])
    return attached

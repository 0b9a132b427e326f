"""Detach a permission policy from a principal (platform.md 4.5)."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.access.known_callers import SUPPORT_USERS
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Delete, Put
from usance.application.principals.attach_policy import ATTACHMENT, ATTEMPTS_MAX, attachment_id, principal_of
from usance.application.principals.withdrawals import withdrawal_put
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError, UnavailableError, VersionConflictError
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.wire import Document


def detach_policy(
    ports: EntityPorts, caller: Caller, policy_id: str, principal_type: str, body: Mapping[str, Any]
) -> Document:
    """The attachment as it was. Invitations from before do not give the policy to the user again.

    `NotFoundError` when the policy is not attached to such a principal.
    """
    require(caller, Action.CONFIG_UPDATE, PERMISSION_POLICY.type, policy_id)
    org_id = caller.org_id
    find(ports, org_id, PERMISSION_POLICY, policy_id)
    principal_id = principal_of(principal_type, body)
    for _ in range(ATTEMPTS_MAX):
        attached = ports.entities.get(org_id, ATTACHMENT, attachment_id(org_id, policy_id, principal_id))
        if attached is None or attached["principalType"] != principal_type:
            whom = "support users" if principal_type == SUPPORT_USERS else f"the {principal_type} {principal_id[:100]}"
            raise NotFoundError(f"the policy {policy_id} is not attached to {whom}")
        changes: list[Put | Delete] = [Delete(ATTACHMENT, attached["id"], attached["version"])]
        if principal_type == "USER":
            changes.append(withdrawal_put(ports, org_id, policy_id, principal_id, caller.audit_name))
        try:
            ports.entities.commit(org_id, changes)
        except VersionConflictError:  # somebody else detaches it: look again
            continue
        return attached
    raise UnavailableError("others keep attaching and detaching this policy; repeat the request")

"""Attach a permission policy to a principal (platform.md 4.5)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.access.groups import GROUP
from usance.application.access.known_callers import SUPPORT_USERS
from usance.application.audit import created
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Guard, Put, Reference
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, UnavailableError, VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.resources.permission_policy import PERMISSION_POLICY, Attachment
from usance.resources.validation import validated
from usance.resources.wire import Document

ATTACHMENT: Final = "principalPermission"
ATTACHED_MAX: Final = 100  # policies of one principal; the authorizer reads them all
ATTEMPTS_MAX: Final = 5  # requests that attach to one principal at a moment; each round lets one of them pass
USER_GROUP: Final = "USERGROUP"
TYPES: Final[Mapping[str, str]] = {"USER": "user", "SERVICEUSER": "serviceUser", USER_GROUP: GROUP}


def attach_policy(
    ports: EntityPorts, caller: Caller, policy_id: str, principal_type: str, body: Mapping[str, Any]
) -> Document:
    """The attachment; the one there is, when the policy is attached already.

    `NotFoundError` when there is no such policy, `InvalidInputError` when there is no such principal.
    """
    require(caller, Action.CONFIG_UPDATE, PERMISSION_POLICY.type, policy_id)
    org_id = caller.org_id
    find(ports, org_id, PERMISSION_POLICY, policy_id)
    principal_id = principal_of(principal_type, body)
    id_ = attachment_id(org_id, policy_id, principal_id)
    for _ in range(ATTEMPTS_MAX):
        if existing := ports.entities.get(org_id, ATTACHMENT, id_):
            if existing["principalType"] != principal_type:
                raise _no_principal(principal_type, principal_id)
            return existing
        _check_principal(ports, org_id, principal_type, principal_id)
        guard = room_for(ports, org_id, principal_id, 1)
        fields = {"permissionPolicyId": policy_id, "principalId": principal_id, "principalType": principal_type}
        document = created(fields, id_, caller.audit_name, ports.clock.now())
        references = [Reference(PERMISSION_POLICY.type, policy_id, "permissionPolicyId")]
        if principal_type != SUPPORT_USERS:
            references.append(Reference(TYPES[principal_type], principal_id, "principalId"))
        try:
            ports.entities.commit(org_id, [attachment_put(document, references, [guard])])
        except VersionConflictError:  # another request attached this policy, or another, just now
            continue
        return document
    raise UnavailableError("others keep attaching policies to this principal; repeat the request")


def room_for(ports: EntityPorts, org_id: str, principal_id: str, more: int) -> Guard:
    """What a change that attaches so many more policies must name, so that no two of them fill the same room.

    `InvalidInputError` when the principal would have more than `ATTACHED_MAX`.
    """
    guard = ports.entities.read_guard(org_id, f"policies of {principal_id}")
    attached = ports.entities.list_all(org_id, ATTACHMENT, filters={"principalId": [principal_id]})
    if len(attached) + more > ATTACHED_MAX:
        raise InvalidInputError(
            f"principalId: {len(attached)} policies are attached to {principal_id} and it can have {ATTACHED_MAX}; "
            "detach some first"
        )
    return guard


def principal_of(principal_type: str, body: Mapping[str, Any]) -> str:
    """The principal that `body` names; those who give support need no name."""
    return SUPPORT_USERS if principal_type == SUPPORT_USERS else validated(Attachment, body).principal_id


def attachment_id(org_id: str, policy_id: str, principal_id: str) -> str:
    """The id of the attachment of a policy to a principal: there is one at most."""
    return derived_id(org_id, principal_id, policy_id)


def attachment_put(document: Mapping[str, Any], references: Sequence[Reference], guards: Sequence[Guard] = ()) -> Put:
    """A new attachment, found by its policy and by its principal."""
    return Put(
        ATTACHMENT,
        dict(document),
        indexed={
            "principalId": [document["principalId"]],
            "permissionPolicyId": [document["permissionPolicyId"]],
        },
        references=tuple(references),
        guards=tuple(guards),
    )


def _check_principal(ports: EntityPorts, org_id: str, principal_type: str, principal_id: str) -> None:
    if principal_type == USER_GROUP:
        group = ports.entities.get(org_id, GROUP, principal_id)
        if group is None or group["type"] != "user":
            raise _no_principal(principal_type, principal_id)


def _no_principal(principal_type: str, principal_id: str) -> InvalidInputError:
    what = "resource group of type user" if principal_type == USER_GROUP else TYPES[principal_type]
    return InvalidInputError(f"principalId: there is no {what} {principal_id}")

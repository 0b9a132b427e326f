"""Accept an invitation: the person becomes a user, with the policies the invitation names (platform.md 3.4)."""

from dataclasses import replace
from typing import Final

from usance.application.access.authorize import require
from usance.application.audit import created, updated
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.entities.puts import entity_put
from usance.application.ports.entities import Put, Reference
from usance.application.principals.attach_policy import ATTACHMENT, attachment_id, attachment_put, room_for
from usance.application.principals.withdrawals import withdrawn_since
from usance.domain.access import Action, Caller
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import (
    DuplicateCodeError,
    InvalidInputError,
    UnavailableError,
    VersionConflictError,
)
from usance.resources import instants
from usance.resources.invitation import INVITATION
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.user import USER
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5  # invitations to one address that are accepted at one moment; each round lets one of them pass


def accept_invitation(ports: EntityPorts, caller: Caller, invitation_id: str) -> Document:
    """The user, new or known before. Policies that were deleted, or taken from the user, meanwhile are passed over.

    Who is a user already gets the policies besides those of before, and access as long as the invitation says; one that
    is older than the last change of the user leaves the access as it is.
    `InvalidInputError` when the invitation was accepted before, has expired, gives access until a time that is over, or
    more policies than a user can have, or is older than the last change of a user whose access has an end: whoever
    ended it does not want it opened again.
    """
    require(caller, Action.CONFIG_UPDATE, INVITATION.type, invitation_id)
    invitation = find(ports, caller.org_id, INVITATION, invitation_id)
    return accept(ports, caller.org_id, invitation, caller.audit_name)


def accept(ports: EntityPorts, org_id: str, invitation: Document, by: str | None = None) -> Document:
    """The user of an invitation that may be accepted; without `by` the user itself accepts. Refuses as above."""
    for _ in range(ATTEMPTS_MAX):
        try:
            return _accepted(ports, org_id, invitation, by)
        except (DuplicateCodeError, VersionConflictError):
            # Somebody accepted another invitation to this address, or this one, or changed the user: look again.
            invitation = ports.entities.get(org_id, INVITATION.type, invitation["id"]) or invitation
    raise UnavailableError("others keep changing the user of this e-mail address; repeat the request")


def _accepted(ports: EntityPorts, org_id: str, invitation: Document, by: str | None) -> Document:
    now = ports.clock.now()
    if invitation["accepted"]:
        raise InvalidInputError("the invitation was accepted already")
    if instants.from_text(invitation["dtExpiry"]) <= now:
        raise InvalidInputError(f"the invitation expired at {invitation['dtExpiry']}; invite again")
    if "dtEndAccess" in invitation and instants.from_text(invitation["dtEndAccess"]) <= now:
        raise InvalidInputError(f"the access of the invitation ended at {invitation['dtEndAccess']}; invite again")
    known = ports.entities.find_unique(org_id, USER.type, "email", invitation["email"].lower())
    user_id = known["id"] if known else ports.ids.new()
    name = by or f"USER_{user_id}"
    if known and "dtEndAccess" in known and _older(invitation, known):  # the end may have been set since
        raise InvalidInputError(
            "the user, whose access has an end, was changed after this invitation, which counts no more; invite again"
        )
    if known:
        user = updated(_with_access(known, invitation), known, name, now)
    else:
        user = created(_profile(org_id, invitation), user_id, name, now)
    accepted = updated(
        {name: value for name, value in {**invitation, "accepted": True}.items() if name not in {"id", "version"}},
        invitation,
        name,
        now,
    )
    ports.entities.commit(
        org_id,
        [
            entity_put(USER, Proposal(user, known)),
            replace(entity_put(INVITATION, Proposal(accepted, invitation)), references=()),
            *_attachments(ports, org_id, invitation, user_id, name),
        ],
    )
    return user


def _older(invitation: Document, user: Document) -> bool:
    return instants.from_text(invitation["dtCreated"]) < instants.from_text(user["dtLastModified"])


def _profile(org_id: str, invitation: Document) -> Document:
    kept = ("firstName", "lastName", "contactNumber", "dtEndAccess")
    return {
        "email": invitation["email"].lower(),
        **{name: invitation[name] for name in kept if name in invitation},
        "organizations": [org_id],
        "supportUser": False,
        "permissionPolicy": [],
    }


def _with_access(user: Document, invitation: Document) -> Document:
    """A user as before, but for the end of access, unless somebody changed the user after inviting."""
    kept = {name: value for name, value in user.items() if name not in {"id", "version", "dtEndAccess"}}
    if _older(invitation, user):
        return kept  # the access has no end: the invitation would not be accepted otherwise
    return kept | ({"dtEndAccess": invitation["dtEndAccess"]} if "dtEndAccess" in invitation else {})


def _attachments(ports: EntityPorts, org_id: str, invitation: Document, user_id: str, by: str) -> list[Put]:
    policies = [
        policy["id"]
        for policy in ports.entities.get_many(org_id, PERMISSION_POLICY.type, invitation.get("permissionPolicyIds", []))
    ]
    ids = {policy: attachment_id(org_id, policy, user_id) for policy in policies}
    attached = {item["id"] for item in ports.entities.get_many(org_id, ATTACHMENT, list(ids.values()))}
    # Read after the attachments: a policy that is taken away in between is among the one or the other.
    withdrawn = withdrawn_since(ports, org_id, policies, user_id, invitation["dtCreated"])
    new = [policy for policy in policies if ids[policy] not in attached and policy not in withdrawn]
    if not new:
        return []
    guard = room_for(ports, org_id, user_id, len(new))
    puts = []
    for policy in new:
        body = {"permissionPolicyId": policy, "principalId": user_id, "principalType": "USER"}
        document = created(body, ids[policy], by, ports.clock.now())
        puts.append(attachment_put(document, [Reference(PERMISSION_POLICY.type, policy, "permissionPolicyIds")]))
    return [replace(puts[0], guards=(guard,)), *puts[1:]]

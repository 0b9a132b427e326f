"""Rules of permission policies, users and invitations (platform.md 3.3, 3.4, 4.4)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError

INVITATION_LIFETIME: Final = timedelta(days=30)
_ID_CHARS: Final = 36
# What PUT /users leaves as it is: who a user is, is settled by the invitation.
_PROFILE: Final = (
    "email",
    "firstName",
    "lastName",
    "contactNumber",
    "organizations",
    "supportUser",
    "firstAcceptedTermsAndConditions",
    "lastAcceptedTermsAndConditions",
)


def refuse_managed(policy: Entity) -> None:
    """`InvalidInputError` for a policy that is the same in every organization."""
    if policy.get("managedPolicy"):
        raise InvalidInputError(
            f"{policy['name']} is a managed policy, which cannot be changed or deleted; create a policy of your own"
        )


def check_policy(proposal: Proposal) -> Mapping[str, Any]:
    """Refuse a change of a managed policy; what clients make is not managed."""
    if proposal.old is not None:
        refuse_managed(proposal.old)
    return {"managedPolicy": False}


def keep_profile(proposal: Proposal) -> Mapping[str, Any]:
    """The fields of a user that an update does not touch."""
    old = proposal.old or {}
    return {name: old[name] for name in _PROFILE if name in old}


def complete_invitation(proposal: Proposal) -> Mapping[str, Any]:
    """Who invites, until when, and that nobody has accepted yet. `InvalidInputError` when it has expired already."""
    new = proposal.new
    now = _instant(new["dtCreated"])
    expiry = new.get("dtExpiry") or _text(now + INVITATION_LIFETIME)
    if _instant(expiry) <= now:
        raise InvalidInputError("dtExpiry must be in the future; leave it out for 30 days from now")
    if "dtEndAccess" in new and _instant(new["dtEndAccess"]) <= now:
        raise InvalidInputError("dtEndAccess must be in the future; leave it out for access without an end")
    return {
        "accepted": False,
        "dtExpiry": expiry,
        "invitingPrincipalId": new["createdBy"][-_ID_CHARS:],
    }


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

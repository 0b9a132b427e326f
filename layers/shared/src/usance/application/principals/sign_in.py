"""People sign in at an identity provider and get a token of one organization (platform.md 3.1, 3.3)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from usance.application.access.issue_token import token_for
from usance.application.access.known_callers import SUPPORT, USER, organization_exists, support_is_open
from usance.application.entities.ports import EntityPorts
from usance.application.ports.identity import IdentityProvider, Proof
from usance.application.ports.tokens import TokenCodec
from usance.application.principals.accept_invitation import accept
from usance.domain.kernel.errors import ForbiddenError, InvalidInputError
from usance.domain.kernel.ids import derived_id
from usance.resources import instants
from usance.resources.invitation import INVITATION
from usance.resources.wire import Document

NOBODY: Final = "nobody in the organization signs in with this e-mail address, or its access has ended"


@dataclass(frozen=True, slots=True)
class SignIn:
    """What signing in needs. Those of `support_emails` give support to every organization that lets them in."""

    ports: EntityPorts
    tokens: TokenCodec
    provider: IdentityProvider
    support_emails: Collection[str] = ()


def sign_in(desk: SignIn, proof: Proof, org_id: str, invitation_id: str | None = None) -> Document:
    """The answer of the token endpoint. With an invitation, it is accepted first: it must be to the same address.

    `InvalidClientError` for a proof that proves nothing, `ForbiddenError` when the organization has no such user.
    """
    id_token = proof.id_token or desk.provider.redeem(proof.code, proof.redirect_uri, proof.code_verifier)
    now = desk.ports.clock.now()
    email = desk.provider.email_of(id_token, now=now)
    if not organization_exists(desk.ports.entities, org_id):
        raise ForbiddenError(NOBODY)
    if invitation_id:
        _accept(desk.ports, org_id, invitation_id, email)
    user = desk.ports.entities.find_unique(org_id, "user", "email", email)
    if user is not None and not ("dtEndAccess" in user and instants.from_text(user["dtEndAccess"]) <= now):
        return token_for(desk.tokens, now, org_id, str(user["id"]), USER)
    if email in desk.support_emails and support_is_open(desk.ports.entities, org_id, now):
        return token_for(desk.tokens, now, org_id, derived_id("support", email), SUPPORT)
    raise ForbiddenError(NOBODY)


def _accept(ports: EntityPorts, org_id: str, invitation_id: str, email: str) -> None:
    """Make the user of the invitation; one that was accepted before is left alone, so that signing in may be repeated."""
    invitation = ports.entities.get(org_id, INVITATION.type, invitation_id)
    if invitation is None or invitation["email"].lower() != email:
        raise ForbiddenError("there is no such invitation to this e-mail address")
    if invitation["accepted"]:
        return
    try:
        accept(ports, org_id, invitation)
    except InvalidInputError as refused:
        again = ports.entities.get(org_id, INVITATION.type, invitation_id)
        if again is not None and again["accepted"]:  # by another sign-in of the same person, just now
            return
        raise ForbiddenError(refused.message) from refused

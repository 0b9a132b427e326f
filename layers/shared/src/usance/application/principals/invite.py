"""Invite people, and tell them how to sign in (platform.md 3.3, 3.4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from usance.application.access.authorize import require
from usance.application.access.credentials import ROOT
from usance.application.entities.create_entity import create_entity
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.mailer import Mailer
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, UsanceError
from usance.resources import instants
from usance.resources.invitation import INVITATION
from usance.resources.user import USER
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Post:
    """How people are told: `mailer` None when the deployment sends no e-mail. `failed` hears what was not sent.

    `sign_in_url` is where people sign in; organization and invitation are added to it as `org` and `invitation`.
    """

    mailer: Mailer | None
    sign_in_url: str
    failed: Callable[[str, UsanceError], None]


def invite(ports: EntityPorts, post: Post, caller: Caller, body: Mapping[str, Any]) -> Document:
    """The invitation. It stands although its e-mail could not be sent: `send_invitation` sends it again."""
    invitation = create_entity(ports, caller, INVITATION, body)
    if post.mailer is not None:
        try:
            _send(ports, post.mailer, post.sign_in_url, caller.org_id, invitation)
        except UsanceError as refused:
            post.failed(invitation["id"], refused)
    return invitation


def send_invitation(ports: EntityPorts, post: Post, caller: Caller, invitation_id: str) -> Document:
    """Send the e-mail of an invitation again, and answer the invitation.

    `InvalidInputError` when it was accepted, has expired, or this deployment sends no e-mail.
    """
    require(caller, Action.CONFIG_UPDATE, INVITATION.type, invitation_id)
    invitation = find(ports, caller.org_id, INVITATION, invitation_id)
    if invitation["accepted"]:
        raise InvalidInputError("the invitation was accepted already")
    if instants.from_text(invitation["dtExpiry"]) <= ports.clock.now():
        raise InvalidInputError(f"the invitation expired at {invitation['dtExpiry']}; invite again")
    _send(ports, _mailer(post), post.sign_in_url, caller.org_id, invitation)
    return invitation


def remind_user(ports: EntityPorts, post: Post, caller: Caller, user_id: str) -> None:
    """Tell a user by e-mail how to sign in. Passwords are the identity provider's, so that none is in it.

    `InvalidInputError` when the user's access has ended, or this deployment sends no e-mail.
    """
    require(caller, Action.CONFIG_UPDATE, USER.type, user_id)
    user = find(ports, caller.org_id, USER, user_id)
    if "dtEndAccess" in user and instants.from_text(user["dtEndAccess"]) <= ports.clock.now():
        raise InvalidInputError(f"the access of the user ended at {user['dtEndAccess']}")
    name = _organization(ports, caller.org_id)
    link = f"{post.sign_in_url}?org={caller.org_id}"
    text = (
        f"Sign in to {name} with this e-mail address:\n\n{link}\n\nA forgotten password is reset where you sign in.\n"
    )
    _mailer(post).send(user["email"], f"Sign in to {name}", text)


def _send(ports: EntityPorts, mailer: Mailer, url: str, org_id: str, invitation: Document) -> None:
    name = _organization(ports, org_id)
    link = f"{url}?org={org_id}&invitation={invitation['id']}"
    until = invitation["dtExpiry"][: len("2026-01-31")]
    text = (
        f"Dear {invitation['firstName']} {invitation['lastName']},\n\nyou are invited to {name}. To accept, sign in with "
        f"this e-mail address by {until}:\n\n{link}\n"
    )
    mailer.send(invitation["email"], f"You are invited to {name}", text)


def _organization(ports: EntityPorts, org_id: str) -> str:
    organization = ports.entities.get(ROOT, "organization", org_id)
    return str(organization["organizationName"]) if organization else org_id


def _mailer(post: Post) -> Mailer:
    if post.mailer is None:
        raise InvalidInputError("this deployment sends no e-mail: set its parameter MailFrom")
    return post.mailer

"""Invitations: how a person becomes a user of an organization (platform.md 3.4)."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from usance.domain.catalog.access import complete_invitation
from usance.resources.fields import DateTime, Email, Id, Noun, unique_items
from usance.resources.permission_policy import ShortName
from usance.resources.resource import Ref, Resource, Verb

POLICIES_MAX: Final = 20  # accepting attaches them all in one transaction of 100 rows, four for each


class Invitation(Noun):
    """An invitation. It ends at `dtExpiry`, 30 days from now when left out; access ends at `dtEndAccess`."""

    email: Email
    first_name: ShortName
    last_name: ShortName
    contact_number: Annotated[str, Field(max_length=50)] | None = None
    dt_end_access: DateTime | None = None
    dt_expiry: DateTime | None = None
    permission_policy_ids: Annotated[list[Id], Field(max_length=POLICIES_MAX), AfterValidator(unique_items)] | None = (
        None
    )
    m3ter_user: bool | None = Field(default=None, alias="m3terUser")


INVITATION: Final = Resource(
    type="orgUserInvitation",
    path="invitations",
    model=Invitation,
    title="Invitation",
    verbs=frozenset({Verb.CREATE, Verb.GET, Verb.LIST}),
    references=(Ref("permissionPolicyIds[]", "permissionPolicy"),),
    rules=(complete_invitation,),
    page_size_max=200,
    answers={
        "accepted": {"type": "boolean", "description": "Whether it was accepted."},
        "invitingPrincipalId": {"type": "string", "description": "Who invited."},
    },
)

"""Access of those who give support: what they may do, and until when (platform.md 3.5)."""

from typing import Annotated, Final

from pydantic import Field

from usance.resources.fields import DateTime, Noun
from usance.resources.resource import Resource, Verb
from usance.resources.statements import STATEMENTS_MAX, PermissionStatement


class Support(Noun):
    """Support users have these statements, and the policies attached to them, until `dtEndSupportUsersAccess`."""

    dt_end_support_users_access: DateTime
    support_users_permission_policy: Annotated[list[PermissionStatement], Field(max_length=STATEMENTS_MAX)] | None = (
        None
    )


SUPPORT: Final = Resource(
    type="support",
    path="support",
    model=Support,
    title="Support access",
    singleton=True,
    verbs=frozenset({Verb.GET, Verb.UPDATE}),
)

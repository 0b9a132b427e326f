"""Users: the people of an organization, who come by invitation (platform.md 3.3)."""

from typing import Annotated, Final

from pydantic import Field

from usance.domain.catalog.access import keep_profile
from usance.resources.fields import DateTime, Noun
from usance.resources.resource import IDS, Resource, Verb
from usance.resources.statements import STATEMENTS_MAX, PermissionStatement


class User(Noun):
    """What of a user can be changed: the statements of its own, and when its access ends (absent: never)."""

    permission_policy: Annotated[list[PermissionStatement], Field(max_length=STATEMENTS_MAX)] | None = None
    dt_end_access: DateTime | None = None


_TEXT: Final = {"type": "string"}
_INSTANT: Final = {"type": "string", "format": "date-time"}

USER: Final = Resource(
    type="user",
    path="users",
    model=User,
    title="User",
    verbs=frozenset({Verb.GET, Verb.LIST, Verb.UPDATE}),
    unique=("email",),
    filters=(IDS,),
    rules=(keep_profile,),
    page_size_max=200,
    answers={
        "email": {**_TEXT, "description": "By which the user signs in; in lower case."},
        "firstName": {**_TEXT, "description": "First name."},
        "lastName": {**_TEXT, "description": "Last name."},
        "contactNumber": {**_TEXT, "description": "Telephone number."},
        "organizations": {"type": "array", "items": _TEXT, "description": "Organizations the user has access to."},
        "supportUser": {"type": "boolean", "description": "Whether the user gives support to this organization."},
        "firstAcceptedTermsAndConditions": {**_INSTANT, "description": "When terms were first accepted."},
        "lastAcceptedTermsAndConditions": {**_INSTANT, "description": "When terms were last accepted."},
    },
)

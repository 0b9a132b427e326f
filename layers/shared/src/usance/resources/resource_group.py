"""Resource groups: entities of one type, or groups of them, that statements name together (platform.md 5)."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator

from usance.domain.kernel.errors import InvalidInputError
from usance.resources.fields import Noun, Text, Version
from usance.resources.permission_policy import ShortName
from usance.resources.resource import Dependant, Index, Resource

_KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,49}")
_ELSEWHERE: Final = ("bill", "billJob", "event", "integrationRun", "statementJob")  # types that no row describes
_OTHER_NAMES: Final[Mapping[str, str]] = {  # as policies have them
    "orguser": "user",
    "integrationconfig": "integrationConfiguration",
    "integrationdestination": "webhook",
}


def _target_type(value: str) -> str:
    if value.upper() not in {"ITEM", "GROUP"}:
        raise ValueError("must be ITEM or GROUP")
    return value.upper()


class ResourceGroup(Noun):
    """A resource group; the type of what it holds is in its path."""

    name: ShortName


class GroupTarget(Noun):
    """What to put into a group or take out: an entity of the group's type (ITEM) or another group of that type (GROUP)."""

    target_id: Text
    target_type: Annotated[str, AfterValidator(_target_type)]
    version: Version | None = None


class GroupMember(Noun):
    """What a group holds directly."""

    id: str
    version: int
    resource_group_id: str
    target_id: str
    target_type: str
    dt_created: str
    dt_last_modified: str
    created_by: str
    last_modified_by: str


RESOURCE_GROUP: Final = Resource(
    type="resourceGroup",
    path="resourcegroups/{type}",
    model=ResourceGroup,
    title="Resource group",
    indexes=(Index("type"),),
    parts=(
        Dependant("resourceGroupMember", "resourceGroupId"),
        Dependant("principalPermission", "principalId"),
    ),
    answers={"type": {"type": "string", "description": "The type of what the group holds."}},
)


def kind_of(written: str, known: Mapping[str, Resource]) -> str:
    """The type as the store names it, however its letters are written; a type that is not known stays as it is.

    `InvalidInputError` for what cannot be the name of a type.
    """
    if not _KIND.fullmatch(written):
        raise InvalidInputError("type must be the name of a type of resource, such as meter, plan or user")
    names: dict[str, str] = {**{name.lower(): name for name in (*known, *_ELSEWHERE)}, **_OTHER_NAMES}
    return names.get(written.lower(), written)

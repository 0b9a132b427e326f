"""Permission policies: named lists of statements, attached to principals (platform.md 4)."""

from typing import Annotated, Final

from pydantic import Field

from usance.domain.catalog.access import check_policy
from usance.resources.fields import Id, Noun
from usance.resources.resource import ALL_VERBS, Dependant, Index, Resource, Verb
from usance.resources.statements import STATEMENTS_MAX, PermissionStatement

ShortName = Annotated[str, Field(min_length=1, max_length=100)]


class PermissionPolicy(Noun):
    """A permission policy."""

    name: ShortName
    permission_policy: Annotated[list[PermissionStatement], Field(min_length=1, max_length=STATEMENTS_MAX)]


class Attachment(Noun):
    """The principal that a policy is attached to or detached from."""

    principal_id: Id


class PrincipalPermission(Noun):
    """A policy that is, or was, attached to a principal."""

    id: str
    version: int
    permission_policy_id: str
    principal_id: str
    principal_type: str
    dt_created: str
    dt_last_modified: str
    created_by: str
    last_modified_by: str


PERMISSION_POLICY: Final = Resource(
    type="permissionPolicy",
    path="permissionpolicies",
    model=PermissionPolicy,
    title="Permission policy",
    verbs=ALL_VERBS - {Verb.DELETE},  # deleting refuses managed policies
    indexes=(Index("name"),),
    rules=(check_policy,),
    parts=(
        Dependant("principalPermission", "permissionPolicyId"),
        Dependant("withdrawnPermission", "permissionPolicyId"),
    ),
    answers={"managedPolicy": {"type": "boolean", "description": "Whether every organization has this policy."}},
)

"""Who calls, and what their statements say (platform.md 4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a permission policy, as it was written (either spelling)."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


GroupsOf = Callable[[str, Sequence[str], frozenset[str]], Mapping[str, frozenset[str]]]
"""Of an organization: per entity id, which of the named resource groups hold it (`*` names all). Absent: none."""


def no_groups(_org_id: str, _ids: Sequence[str], _named: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Nothing is in any resource group."""
    return {}


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated principal of a request and the organization its token is bound to.

    `groups_of` looks up resource groups; it is asked only when the statements name groups of the type in question.
    """

    org_id: str
    principal_id: str
    principal_type: str
    statements: tuple[Statement, ...]
    groups_of: GroupsOf = field(default=no_groups, compare=False, repr=False)

    @property
    def audit_name(self) -> str:
        """What `createdBy` and `lastModifiedBy` show, such as `SERVICE_USER_<uuid>` (platform.md 16, Q14)."""
        return f"{self.principal_type}_{self.principal_id}"

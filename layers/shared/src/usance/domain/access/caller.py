"""Who calls, and what their statements say (platform.md 4)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a permission policy, as it was written (either spelling)."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated principal of a request and the organization its token is bound to."""

    org_id: str
    principal_id: str
    principal_type: str
    statements: tuple[Statement, ...]

    @property
    def audit_name(self) -> str:
        """What `createdBy` and `lastModifiedBy` show, such as `SERVICE_USER_<uuid>` (platform.md 16, Q14)."""
        return f"{self.principal_type}_{self.principal_id}"

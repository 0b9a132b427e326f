"""The policies every organization has and nobody can change (platform.md 4.4)."""

from collections.abc import Mapping
from typing import Final

from usance.domain.access.caller import Statement

ADMINISTRATOR: Final = "Administrator"
READ_ONLY: Final = "ReadOnly"

MANAGED_POLICIES: Final[Mapping[str, Statement]] = {
    ADMINISTRATOR: Statement("allow", ("all",), ("*",)),
    READ_ONLY: Statement("allow", ("*:retrieve", "analytics:query"), ("*",)),
}

"""The policies every organization has and nobody can change (platform.md 4.4), in the spelling of the SDK's enums."""

from collections.abc import Mapping
from typing import Final

from usance.domain.access.actions import Action
from usance.domain.access.caller import Statement

ADMINISTRATOR: Final = "Administrator"
READ_ONLY: Final = "ReadOnly"

_READS: Final = tuple(
    action.name for action in Action if action.value.endswith("retrieve") or action is Action.ANALYTICS_QUERY
)

MANAGED_POLICIES: Final[Mapping[str, Statement]] = {
    ADMINISTRATOR: Statement("ALLOW", ("ALL",), ("*",)),
    READ_ONLY: Statement("ALLOW", _READS, ("*",)),
}

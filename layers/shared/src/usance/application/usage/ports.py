"""What questions about usage need."""

from dataclasses import dataclass

from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import UsageExplorer


@dataclass(frozen=True, slots=True)
class UsagePorts:
    """Configuration, and measurements."""

    entities: EntityRepository
    usage: UsageExplorer

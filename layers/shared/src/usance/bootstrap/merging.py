"""What merging runs on."""

from dataclasses import dataclass
from functools import cache

from usance.application.ports.clock import Clock
from usance.application.ports.usage_log import UsageMerger
from usance.bootstrap import stores
from usance.settings import Settings


@dataclass(frozen=True, slots=True)
class Merging:
    """The store of measurements, and the present."""

    merger: UsageMerger
    clock: Clock


@cache
def merging() -> Merging:
    """That of this deployment."""
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.usage_merging import DynamoUsageMerger

    return Merging(DynamoUsageMerger(client("dynamodb"), Settings().usage_table), stores.clock())

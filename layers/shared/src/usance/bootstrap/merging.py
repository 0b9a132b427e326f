"""What merging runs on."""

from dataclasses import dataclass
from functools import cache

from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.report_repeats import Telling
from usance.application.ports.clock import Clock
from usance.application.ports.usage_log import UsageExplorer, UsageMerger
from usance.bootstrap import stores
from usance.settings import Settings


@dataclass(frozen=True, slots=True)
class Merging:
    """The store of measurements, the present, and what telling of copies needs."""

    merger: UsageMerger
    usage: UsageExplorer
    telling: Telling
    clock: Clock


@cache
def merging() -> Merging:
    """That of this deployment."""
    from usance.adapters.aws import client
    from usance.adapters.dynamodb.usage_merging import DynamoUsageMerger

    settings, clock = Settings(), stores.clock()
    telling = Telling(stores.entities(), FailureLog(stores.events(), stores.blobs(), settings.api_url), clock)
    merger = DynamoUsageMerger(client("dynamodb"), settings.usage_table)
    return Merging(merger, stores.usage_explorer(), telling, clock)

"""The stores and queues that billing works with."""

from dataclasses import dataclass

from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.report_repeats import Telling
from usance.application.ports.bill_progress import BillJobProgress
from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory, Pause
from usance.application.ports.entities import EntityRepository
from usance.application.ports.events import EventLog
from usance.application.ports.queue import Queue
from usance.application.ports.usage_log import UsageReader

SCHEDULER = "SCHEDULER"  # audit name of what nobody asked for


@dataclass(frozen=True, slots=True)
class BillingStores:
    """What every billing use case may need."""

    entities: EntityRepository
    bills: BillRepository
    progress: BillJobProgress
    billing_queue: Queue
    statement_queue: Queue
    clock: Clock
    ids: IdFactory
    pause: Pause


@dataclass(frozen=True, slots=True)
class Workbench:
    """What calculating a bill needs besides."""

    stores: BillingStores
    usage: UsageReader
    events: EventLog
    blobs: BlobStore
    api_url: str = ""

    def telling(self) -> Telling:
        """For measurements that a bill comes upon a second time."""
        return Telling(self.stores.entities, FailureLog(self.events, self.blobs, self.api_url), self.stores.clock)

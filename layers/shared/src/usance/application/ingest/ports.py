"""What taking measurements needs of the world."""

from dataclasses import dataclass

from usance.application.ingest.failure_events import FailureLog
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository
from usance.application.ports.queue import Queue
from usance.application.ports.usage_log import UsageWriter


@dataclass(frozen=True, slots=True)
class IngestPorts:
    """Passed to every use case of this package."""

    entities: EntityRepository
    usage: UsageWriter
    failures: FailureLog
    blobs: BlobStore
    clock: Clock
    ids: IdFactory
    merges: Queue  # asks for the merging of small items

"""What exports need of the world."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, Self

from usance.application.exports.chunks import Table
from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository
from usance.application.ports.events import EventLog
from usance.application.ports.queue import Queue
from usance.application.ports.usage_log import UsageExplorer
from usance.application.usage.ports import UsagePorts
from usance.resources.wire import Document


class ExportTargets(Protocol):
    """Buckets of others."""

    def put(self, org_id: str, destination: Document, key: str, stream: BinaryIO, headers: Mapping[str, str]) -> None:
        """Store or replace an object in the destination's bucket.

        `InvalidInputError` says why the destination refuses it; `UnavailableError` when it may work later.
        """
        ...


class RowFile(Protocol):
    """A file being written; it is gone when it is left."""

    rows: int

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows."""
        ...

    def finish(self) -> BinaryIO:
        """The whole file, to be read from its start."""
        ...


RowFiles = Callable[[Table], RowFile]
"""Makes a new file for the rows of a table."""


@dataclass(frozen=True, slots=True)
class ExportPorts:
    """For asking for exports, and for schedules."""

    entities: EntityRepository
    clock: Clock
    ids: IdFactory
    queue: Queue


@dataclass(frozen=True, slots=True)
class ExportWorkbench:
    """For making the files."""

    ports: ExportPorts
    blobs: BlobStore
    bills: BillRepository
    usage: UsageExplorer
    events: EventLog
    targets: ExportTargets
    parquet: RowFiles

    def questions(self) -> UsagePorts:
        """What questions about usage need."""
        return UsagePorts(self.ports.entities, self.usage)

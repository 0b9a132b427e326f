"""The stores that statements need: those of the API, and those of the worker."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository
from usance.application.ports.queue import Queue
from usance.application.ports.usage_log import UsageReader
from usance.bootstrap import stores


@dataclass(frozen=True, slots=True)
class StatementStores:
    """What the API of statements works on. `sleep` waits some seconds for the worker."""

    entities: EntityRepository
    bills: BillRepository
    blobs: BlobStore
    queue: Queue
    clock: Clock
    ids: IdFactory
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class WorkerStores:
    """What the making of a statement works on."""

    entities: EntityRepository
    bills: BillRepository
    usage: UsageReader
    blobs: BlobStore
    clock: Clock


@cache
def statement_stores() -> StatementStores:
    """Those of this deployment."""
    return StatementStores(
        entities=stores.entities(),
        bills=stores.bills(),
        blobs=stores.blobs(),
        queue=stores.statement_queue(),
        clock=stores.clock(),
        ids=stores.ids(),
        sleep=time.sleep,
    )


@cache
def worker_stores() -> WorkerStores:
    """Those of this deployment."""
    return WorkerStores(
        entities=stores.entities(),
        bills=stores.bills(),
        usage=stores.usage_reader(),
        blobs=stores.blobs(),
        clock=stores.clock(),
    )

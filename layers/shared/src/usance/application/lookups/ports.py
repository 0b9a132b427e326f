"""What lookup tables need."""

from dataclasses import dataclass

from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository
from usance.application.ports.queue import Queue


@dataclass(frozen=True, slots=True)
class LookupPorts:
    """Revisions with their manifests, and the objects that hold items."""

    entities: EntityRepository
    clock: Clock
    ids: IdFactory
    blobs: BlobStore


@dataclass(frozen=True, slots=True)
class LookupWorkbench:
    """What reading a file needs, and the queue that goes on with it."""

    ports: LookupPorts
    queue: Queue

"""What lookup tables need."""

from dataclasses import dataclass

from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository


@dataclass(frozen=True, slots=True)
class LookupPorts:
    """Revisions with their manifests, and the objects that hold items."""

    entities: EntityRepository
    clock: Clock
    ids: IdFactory
    blobs: BlobStore

"""What lookup tables need."""

from dataclasses import dataclass

from usance.application.entities.ports import EntityPorts
from usance.application.ports.blobs import BlobStore


@dataclass(frozen=True, slots=True)
class LookupPorts:
    """Configuration, and the objects that hold items."""

    entities: EntityPorts
    blobs: BlobStore

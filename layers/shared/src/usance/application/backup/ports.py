"""What backups need of the world."""

from collections.abc import Callable
from dataclasses import dataclass

from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.organization_rows import OrganizationRows
from usance.application.ports.secrets import Sealing, Secrets


@dataclass(frozen=True, slots=True)
class BackupPorts:
    """Passed to every step. `sealing` makes one that a key, of at least 32 characters, opens anywhere."""

    rows: OrganizationRows
    blobs: BlobStore
    secrets: Secrets
    sealing: Callable[[str], Sealing]
    clock: Clock
    ids: IdFactory

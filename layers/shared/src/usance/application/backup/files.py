"""The objects of an organization in the documents bucket, as a backup sees them."""

import hashlib
from typing import Final

from usance.application.backup.ports import BackupPorts

AFTER_SLASH: Final = "0"  # the character that follows: what sorts behind all that a folder holds
_READ_BYTES: Final = 1_000_000


def digest_of_file(ports: BackupPorts, key: str) -> tuple[str, int]:
    """The SHA-256 of an object, and how many bytes it has."""
    digest, size = hashlib.sha256(), 0
    with ports.blobs.open(key) as stream:
        while piece := stream.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size

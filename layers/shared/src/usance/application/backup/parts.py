"""Parts of a backup: compressed files of lines, each known by the SHA-256 of its bytes."""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from usance.application.backup.manifest import folder
from usance.application.backup.ports import BackupPorts
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.wire import Document

LINES_MAX_BYTES: Final = 8_000_000  # then a part is closed: what a process holds, and what one that dies makes again
GZIP: Final = "application/gzip"
_LEVEL: Final = 6


def write_part(
    ports: BackupPorts, org_id: str, backup_id: str, kind: str, number: int, lines: Sequence[bytes]
) -> Document:
    """Store the lines as the part of that number, in place of what a process before left, and answer what tells of it."""
    packed = gzip.compress(b"".join(one + b"\n" for one in lines), _LEVEL, mtime=0)
    name = f"{kind}-{number:05d}.jsonl.gz"
    ports.blobs.put(folder(org_id, backup_id) + name, packed, GZIP)
    digest = hashlib.sha256(packed).hexdigest()
    return {"name": name, "kind": kind, "lines": len(lines), "bytes": len(packed), "sha256": digest}


def read_part(ports: BackupPorts, org_id: str, backup_id: str, part: Document) -> Iterator[Any]:
    """The lines of a part, parsed. `InvalidInputError` when it is not what the manifest says."""
    packed = ports.blobs.get(folder(org_id, backup_id) + part["name"])
    if hashlib.sha256(packed).hexdigest() != part["sha256"]:
        raise InvalidInputError(f"{part['name']} is not what the manifest says: its SHA-256 differs")
    yield from (wire.loads(one) for one in gzip.decompress(packed).splitlines())

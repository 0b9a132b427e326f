"""The manifest of a backup: what it holds, and while it is being made, how far it is (format: docs/backup.md)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.application.backup.ports import BackupPorts
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources import wire
from usance.resources.wire import Document

FORMAT: Final = "usance-backup"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
JSON: Final = "application/json"
ACCESS: Final = "access"  # the kind of the part with the rows by which the organization is found and entered
FILES: Final = "files"  # the kind of parts that list files; other kinds are tables
RESEALED: Final = "RESEALED"
OMITTED: Final = "OMITTED"

BACKUP_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_NAME: Final = re.compile(
    r"manifest\.json|(access|entities|usage|events|files)-\d{5,}\.jsonl\.gz|files/\d{8,}", re.ASCII
)


def folder(org_id: str, backup_id: str) -> str:
    """Where a backup lies in the documents bucket, with a slash at its end."""
    if not BACKUP_ID.fullmatch(backup_id):
        raise InvalidInputError("backupId must have 1 to 64 letters, digits and hyphens")
    return f"{backups_of(org_id)}{backup_id}/"


def backups_of(org_id: str) -> str:
    """Where all backups of an organization lie."""
    return f"{org_id}/backups/"


def checked_name(name: str) -> str:
    """The name of a file of a backup. `InvalidInputError` for any other text."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"{name[:100]!r} is not the name of a file of a backup")
    return name


def read_manifest(ports: BackupPorts, org_id: str, backup_id: str) -> Document:
    """The manifest of a backup. `NotFoundError` when there is none, `InvalidInputError` for one that is not ours."""
    key = folder(org_id, backup_id) + MANIFEST
    try:
        manifest = wire.loads(ports.blobs.get(key))
    except NotFoundError:
        raise NotFoundError(f"there is no backup {backup_id} of the organization {org_id}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InvalidInputError(f"{key} is not the manifest of a backup")
    if manifest.get("formatVersion") != VERSION:
        raise InvalidInputError(
            f"the backup has the format {manifest.get('formatVersion')}; this version reads format {VERSION}"
        )
    if (manifest.get("orgId"), manifest.get("backupId")) != (org_id, backup_id):
        raise InvalidInputError(f"the backup is {manifest.get('backupId')} of the organization {manifest.get('orgId')}")
    return manifest


def write_document(ports: BackupPorts, org_id: str, backup_id: str, name: str, document: Mapping[str, Any]) -> None:
    """Store a manifest, or what else tells how far something is."""
    ports.blobs.put(folder(org_id, backup_id) + name, wire.dumps(document), JSON)


def parts_of(manifest: Mapping[str, Any], kind: str) -> Sequence[Document]:
    """The parts of a kind, in order."""
    return [part for part in manifest["parts"] if part["kind"] == kind]

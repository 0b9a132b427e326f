"""URLs by which the files of a backup are fetched from the bucket, and brought into another."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from usance.application.backup.manifest import checked_name, folder
from usance.application.backup.ports import BackupPorts
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

NAMES_MAX: Final = 100  # in one call
VALID_FOR: Final = timedelta(hours=1)  # a hundred files, the largest of them some gigabytes


def download_urls(ports: BackupPorts, org_id: str, backup_id: str, names: Sequence[str]) -> Document:
    """By name, where a file of the backup is fetched."""
    lies_in = folder(org_id, backup_id)
    _limit(names)
    return {name: ports.blobs.download_url(lies_in + checked_name(name), valid_for=VALID_FOR) for name in names}


def upload_urls(ports: BackupPorts, org_id: str, backup_id: str, files: Sequence[Mapping[str, Any]]) -> Document:
    """By name, where a file of the backup is brought: `{"url", "headers"}`. `files` have `name`, `bytes`, `contentType`."""
    lies_in = folder(org_id, backup_id)
    _limit(files)
    found = {}
    for file in files:
        url, headers = ports.blobs.upload_url(
            lies_in + checked_name(str(file["name"])),
            content_type=str(file["contentType"]),
            content_length=int(file["bytes"]),
            valid_for=VALID_FOR,
        )
        found[str(file["name"])] = {"url": url, "headers": dict(headers)}
    return found


def _limit(names: Sequence[Any]) -> None:
    if not 1 <= len(names) <= NAMES_MAX:
        raise InvalidInputError(f"1 to {NAMES_MAX} files can be named in one call, not {len(names)}")

"""The files of a backup, between the bucket of a deployment and a folder."""

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from usance.bootstrap.command import Reach
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.wire import Document

MANIFEST: Final = "manifest.json"
AT_ONCE: Final = 100  # names in one call of the admin function
_TYPES: Final = {MANIFEST: "application/json"}
_PART: Final = "application/gzip"


def fetch_backup(reached: Reach, org_id: str, backup_id: str, folder: Path) -> int:
    """Fetch what is not in the folder yet, the manifest last; how many files the backup has."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    target = folder / MANIFEST
    manifest = wire.loads(reached.download(_urls(reached, org_id, backup_id, [MANIFEST])[MANIFEST]))
    total = 0
    for listed in (manifest["parts"], _files(manifest, folder)):
        for some in _at_once(listed):
            total += len(some)
            missing = [one for one in some if not _is_there(folder, one)]
            urls = _urls(reached, org_id, backup_id, [one["name"] for one in missing]) if missing else {}
            for one in missing:
                reached.fetch(urls[one["name"]], folder / one["name"])
                _check(folder, one)
    target.write_bytes(wire.dumps(manifest))
    return total + 1


def bring_backup(reached: Reach, folder: Path) -> Document:
    """Bring every file of a folder into the bucket, the manifest last; the manifest."""
    manifest = manifest_of(folder)
    org_id, backup_id = manifest["orgId"], manifest["backupId"]
    for listed in (manifest["parts"], _files(manifest, folder), [{"name": MANIFEST}]):
        for some in _at_once(listed):
            asked = []
            for one in some:
                if one["name"] != MANIFEST:
                    _check(folder, one)
                type_ = one.get("contentType") or _TYPES.get(one["name"], _PART)
                size = (folder / one["name"]).stat().st_size
                asked.append({"name": one["name"], "bytes": size, "contentType": type_})
            urls = reached.invoke({"action": "backupUrls", "orgId": org_id, "backupId": backup_id, "upload": asked})
            for one in asked:
                place = urls[one["name"]]
                reached.send(place["url"], place["headers"], folder / one["name"])
    return manifest


def manifest_of(folder: Path) -> Document:
    """The manifest in a folder. `InvalidInputError` when there is none."""
    try:
        manifest = wire.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise InvalidInputError(f"{folder} holds no {MANIFEST}: it is not a complete backup") from None
    if not isinstance(manifest, dict) or not {"orgId", "backupId", "parts"} <= manifest.keys():
        raise InvalidInputError(f"{folder / MANIFEST} is not the manifest of a backup")
    return manifest


def key_in(path: Path | None) -> str | None:
    """The key that a file holds."""
    return path.read_text(encoding="utf-8").strip() if path else None


def _files(manifest: Document, folder: Path) -> Iterator[Document]:
    """What the parts in the folder list, one part at a time."""
    for part in manifest["parts"]:
        if part["kind"] == "files":
            yield from (wire.loads(one) for one in gzip.decompress((folder / part["name"]).read_bytes()).splitlines())


def _at_once(listed: Iterable[Document]) -> Iterator[list[Document]]:
    waiting = iter(listed)
    while some := list(islice(waiting, AT_ONCE)):
        yield some


def _urls(reached: Reach, org_id: str, backup_id: str, names: Sequence[str]) -> dict[str, Any]:
    asked = {"action": "backupUrls", "orgId": org_id, "backupId": backup_id, "download": list(names)}
    return reached.invoke(asked)


def _is_there(folder: Path, one: Document) -> bool:
    path = folder / one["name"]
    return path.is_file() and _digest(path) == str(one["sha256"])


def _check(folder: Path, one: Document) -> None:
    path = folder / one["name"]
    if not path.is_file() or _digest(path) != one["sha256"]:
        raise InvalidInputError(f"{path} is not what the backup says: it is missing, or its SHA-256 differs")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

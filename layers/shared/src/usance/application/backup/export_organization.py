"""Write all that an organization holds into its backup, from where it was left.

The tables are read twice: rows are written at the first reading and counted at the second. When both come to the same, nothing
changed in between, and the backup is the organization as it was at that time.
"""

from collections.abc import Callable
from typing import Any, Final

from usance.application.backup.files import AFTER_SLASH, digest_of_file
from usance.application.backup.manifest import (
    ACCESS,
    FILES,
    FORMAT,
    MANIFEST,
    OMITTED,
    RESEALED,
    VERSION,
    backups_of,
    folder,
    read_manifest,
    write_document,
)
from usance.application.backup.parts import LINES_MAX_BYTES, write_part
from usance.application.backup.ports import BackupPorts
from usance.application.backup.reading import LASTING, count, differing, lasts
from usance.application.backup.sealed_texts import opened_sealing, resealed, sealing_of
from usance.application.backup.tally import Tally, line, without_sealed
from usance.application.entities.sealing import SEALED
from usance.application.ports.organization_rows import Row, Table
from usance.application.ports.secrets import Sealing
from usance.domain.kernel.errors import NotFoundError
from usance.resources import instants, wire
from usance.resources.wire import Document

FILES_MAX: Final = 500  # in one part: a minute or two of copies, which a process that dies makes again

TimeIsUp = Callable[[], bool]


def begin_export(ports: BackupPorts, org_id: str, key: str | None) -> Document:
    """The manifest of a new backup, without anything in it. Without a key it has no credentials and no access keys."""
    rows = ports.rows.keys_to_it(org_id)
    if not rows:
        raise NotFoundError(f"there is no organization {org_id}")
    backup_id, now = ports.ids.new(), ports.clock.now()
    manifest = {
        "format": FORMAT,
        "formatVersion": VERSION,
        "backupId": backup_id,
        "orgId": org_id,
        "startedAt": instants.to_text(now),
        "finishedAt": None,
        "secrets": RESEALED if key else OMITTED,
        "keyCheck": sealing_of(ports, key).seal(backup_id, context=org_id) if key else None,
        "lastingUntil": int((now + LASTING).timestamp()),
        "tables": {},
        "files": {"count": 0, "bytes": 0},
        "parts": [],
        "progress": {"stage": "access"},
    }
    write_document(ports, org_id, backup_id, MANIFEST, manifest)
    return manifest


def export_organization(
    ports: BackupPorts, org_id: str, backup_id: str, key: str | None, *, time_is_up: TimeIsUp
) -> Document:
    """The manifest, further than before; `finishedAt` says that it is complete. Repeating goes on from the last part.

    `changed` then names the tables that changed while they were read: such a backup cannot be imported.
    """
    manifest = read_manifest(ports, org_id, backup_id)
    sealing = opened_sealing(ports, manifest, key)
    exporter = _Exporter(ports, manifest, sealing)
    while manifest["progress"] and not time_is_up():
        exporter.step(time_is_up)
        write_document(ports, org_id, backup_id, MANIFEST, manifest)
    return manifest


def summary_of_export(manifest: Document) -> Document:
    """What tells how far a backup is."""
    names = ("orgId", "backupId", "secrets", "startedAt", "finishedAt", "tables", "files")
    progress = manifest["progress"] or {}
    where = {name: progress.get(name) for name in ("stage", "table")}
    return {**{name: manifest[name] for name in names}, **where, "changed": manifest.get("changed", [])}


class _Exporter:
    """The steps: how it is found, rows of each table, files, then the tables once more. `manifest` is what they leave."""

    def __init__(self, ports: BackupPorts, manifest: Document, sealing: Sealing | None) -> None:
        self._ports, self._manifest, self._sealing = ports, manifest, sealing
        self._org_id, self._backup_id = str(manifest["orgId"]), str(manifest["backupId"])
        self._until = int(manifest["lastingUntil"])

    def step(self, time_is_up: TimeIsUp) -> None:
        """One part, or as much of the second reading as there is time for."""
        progress = self._manifest["progress"]
        if progress["stage"] == "access":
            self._add_part(ACCESS, [line(row) for row in self._access()])
            self._manifest["progress"] = {"stage": "rows", "table": Table.ENTITIES.value}
        elif progress["stage"] == "rows":
            self._rows(progress, Table(progress["table"]), time_is_up)
        elif progress["stage"] == "files":
            self._files(progress, time_is_up)
        else:
            self._compare(progress, Table(progress["table"]), time_is_up)

    def _rows(self, progress: Document, table: Table, time_is_up: TimeIsUp) -> None:
        """A part of rows; a smaller one, or none, when time is up: most of a table may be of other organizations."""
        tally, after = Tally.of(self._manifest["tables"].get(table)), progress.get("after")
        lines: list[bytes] = []
        size = 0
        while size < LINES_MAX_BYTES:
            page = self._ports.rows.page(table, self._org_id, after)
            for row in page.rows:
                if lasts(row, self._until):
                    tally.add(row)
                    lines.append(line(self._carried(row)))
                    size += len(lines[-1])
            after = page.after
            if after is None or time_is_up():
                break
        if lines:
            self._add_part(table, lines)
        self._manifest["tables"][table] = tally.document()
        progress["after"] = after
        if after is None:
            self._manifest["progress"] = _next("rows", table) or {"stage": "files"}

    def _access(self) -> list[Row]:
        """The rows by which it is found; access keys are secrets, though hashed."""
        rows = self._ports.rows.keys_to_it(self._org_id)
        return [row for row in rows if self._sealing or not _is_access_key(row)]

    def _carried(self, row: Row) -> Row:
        """The row with what is sealed beside it sealed anew, or left out."""
        sealed = row.get("private", {}).get("M", {}).get(SEALED)
        if sealed is None or self._sealing is None:
            return without_sealed(row)
        return resealed(row, self._ports.secrets, self._sealing)

    def _files(self, progress: Document, time_is_up: TimeIsUp) -> None:
        """A part of files; a smaller one when time is up."""
        prefix, own = f"{self._org_id}/", backups_of(self._org_id)
        keys = self._ports.blobs.list_keys(prefix, after=progress.get("after"), limit=FILES_MAX)
        lines = []
        for key in keys:
            if not key.startswith(own):
                lines.append(wire.dumps(self._file(key)))
            progress["after"] = key
            if time_is_up():
                break
        if lines:
            self._add_part(FILES, lines)
        if not keys:
            self._manifest["progress"] = {"stage": "compare", "table": Table.ENTITIES.value, "found": {}}
        elif progress["after"].startswith(own):
            progress["after"] = own[:-1] + AFTER_SLASH

    def _file(self, key: str) -> Document:
        files = self._manifest["files"]
        name = f"files/{files['count']:08d}"
        copy = folder(self._org_id, self._backup_id) + name
        self._ports.blobs.copy(key, copy)
        digest, size = digest_of_file(self._ports, copy)  # of what the backup has, whatever is put there meanwhile
        self._manifest["files"] = {"count": files["count"] + 1, "bytes": files["bytes"] + size}
        type_ = self._ports.blobs.content_type(key)
        own_key = key.removeprefix(f"{self._org_id}/")
        return {"name": name, "key": own_key, "bytes": size, "sha256": digest, "contentType": type_}

    def _add_part(self, kind: str, lines: list[bytes]) -> None:
        number = sum(part["kind"] == kind for part in self._manifest["parts"])
        part = write_part(self._ports, self._org_id, self._backup_id, kind, number, lines)
        self._manifest["parts"] = [*self._manifest["parts"], part]

    def _compare(self, progress: Document, table: Table, time_is_up: TimeIsUp) -> None:
        if not count(self._ports, table, self._org_id, self._until, progress, time_is_up):
            return
        found = {**progress["found"], table.value: progress["tally"]}
        following = _next("compare", table)
        if following:
            self._manifest["progress"] = {**following, "found": found}
            return
        self._manifest["changed"] = differing(self._manifest["tables"], found)
        self._manifest["finishedAt"] = instants.to_text(self._ports.clock.now())
        self._manifest["progress"] = None


def _is_access_key(row: Row) -> bool:
    return str(row["pk"]["S"]).partition("#")[2].startswith("accessKey")


def _next(stage: str, table: Table) -> dict[str, Any] | None:
    tables = list(Table)
    position = tables.index(table) + 1
    return {"stage": stage, "table": tables[position].value} if position < len(tables) else None

"""Put an organization back from its backup, where nothing of it is, from where it was left.

The organization is found and entered only when everything is there, counted again and equal to the backup. Until then nobody
can reach it, no schedule runs for it, and repeating goes on. What is put back raises no event and fires no rule.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from usance.application.access.credentials import ROOT
from usance.application.backup.files import AFTER_SLASH, digest_of_file
from usance.application.backup.manifest import (
    ACCESS,
    FILES,
    backups_of,
    folder,
    parts_of,
    read_manifest,
    write_document,
)
from usance.application.backup.parts import read_part
from usance.application.backup.ports import BackupPorts
from usance.application.backup.reading import LASTING, count, differing, lasts
from usance.application.backup.sealed_texts import opened_sealing, resealed
from usance.application.backup.tally import Tally
from usance.application.entities.sealing import SEALED
from usance.application.ports.organization_rows import Row, Table
from usance.application.ports.secrets import Sealing
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources import instants, wire
from usance.resources.wire import Document

RESTORE: Final = "restore.json"
"""Beside the manifest: how far putting back is."""

ORGANIZATIONS: Final = f"{ROOT}#organization"
ACCESS_KEYS: Final = f"{ROOT}#accessKey"

TimeIsUp = Callable[[], bool]


def import_organization(
    ports: BackupPorts, org_id: str, backup_id: str, key: str | None, *, time_is_up: TimeIsUp
) -> Document:
    """How far it is: `finishedAt` says that the organization is there. Repeating goes on from the last part.

    `InvalidInputError` when the backup is unfinished, changed while it was made or is damaged, when the key is not its
    own, or when the tables hold anything of the organization already.
    """
    manifest = read_manifest(ports, org_id, backup_id)
    if manifest["finishedAt"] is None:
        raise InvalidInputError("the backup is not finished; go on with the export first")
    if manifest["changed"]:
        raise InvalidInputError(
            f"the organization changed while it was exported ({', '.join(manifest['changed'])}): export it again "
            "when nothing writes to it"
        )
    sealing = opened_sealing(ports, manifest, key)
    state = _state(ports, manifest)
    importer = _Importer(ports, manifest, sealing, state)
    while state["finishedAt"] is None and not time_is_up():
        importer.step(time_is_up)
        write_document(ports, org_id, backup_id, RESTORE, state)
    return state


def _state(ports: BackupPorts, manifest: Document) -> Document:
    """How far it was left, or the beginning."""
    org_id, backup_id = str(manifest["orgId"]), str(manifest["backupId"])
    begun: Document | None = None
    with suppress(NotFoundError):
        begun = wire.loads(ports.blobs.get(folder(org_id, backup_id) + RESTORE))
    keys = ports.rows.keys_to_it(org_id)
    if begun is not None and (begun["finishedAt"] is None or keys):
        return begun
    if keys:
        raise _here_already(org_id)
    now = ports.clock.now()
    return {
        "orgId": org_id,
        "backupId": backup_id,
        "startedAt": instants.to_text(now),
        "finishedAt": None,
        "lastingUntil": int((now + LASTING).timestamp()),
        "tables": _no_rows(),
        "progress": {"stage": "empty", "table": Table.ENTITIES.value},
    }


def summary_of_import(state: Document) -> Document:
    """What tells how far it is."""
    names = ("orgId", "backupId", "startedAt", "finishedAt", "tables")
    return {**{name: state[name] for name in names}, "stage": (state["progress"] or {}).get("stage")}


class _Importer:
    """The steps: is the target empty, rows, files, is it all there, and then the way in. `state` is what they leave."""

    def __init__(self, ports: BackupPorts, manifest: Document, sealing: Sealing | None, state: Document) -> None:
        self._ports, self._manifest, self._sealing, self._state = ports, manifest, sealing, state
        self._org_id, self._backup_id = str(manifest["orgId"]), str(manifest["backupId"])
        self._until = int(state["lastingUntil"])
        self._parts = [part for table in Table for part in parts_of(manifest, table)]

    def step(self, time_is_up: TimeIsUp) -> None:
        """One part, or as much of a reading as there is time for.

        Refused once the organization is there by another process, such as one that was taken for dead: what happened
        since would be lost.
        """
        progress = self._state["progress"]
        if progress["stage"] != "open" and self._is_here():
            raise _here_already(self._org_id)
        match progress["stage"]:
            case "empty":
                self._check_empty(progress, time_is_up)
            case "rows":
                self._rows(progress)
            case "files":
                self._files(progress)
            case "compare":
                self._compare(progress, time_is_up)
            case _:
                self._open()

    def _check_empty(self, progress: Document, time_is_up: TimeIsUp) -> None:
        table = Table(progress["table"])
        done = count(self._ports, table, self._org_id, self._until, progress, time_is_up)
        if self._has_files():
            raise InvalidInputError(
                f"the documents bucket holds files of the organization {self._org_id} already; import it where there are none"
            )
        if progress["tally"]["rows"]:
            raise InvalidInputError(
                f"the table of {table} holds rows of the organization {self._org_id} already; "
                "import it where nothing of it is"
            )
        if done:
            following = _following(table)
            self._state["progress"] = (
                {"stage": "empty", "table": following} if following else {"stage": "rows", "part": 0}
            )

    def _has_files(self) -> bool:
        """Whether the bucket has any beside backups."""
        prefix, backups = f"{self._org_id}/", backups_of(self._org_id)
        first = self._ports.blobs.list_keys(prefix, after=None, limit=1)
        behind = self._ports.blobs.list_keys(prefix, after=backups[:-1] + AFTER_SLASH, limit=1)
        return bool(behind) or any(not key.startswith(backups) for key in first)

    def _rows(self, progress: Document) -> None:
        number = int(progress["part"])
        if number < len(self._parts):
            part = self._parts[number]
            rows = [self._own(line["Item"]) for line in self._read(part)]
            lasting = [row for row in rows if lasts(row, self._until)]
            tally = Tally.of(self._state["tables"].get(part["kind"]))
            for row in lasting:
                tally.add(row)
            self._ports.rows.put(Table(part["kind"]), lasting)
            self._state["tables"][part["kind"]] = tally.document()
            progress["part"] = number + 1
        else:
            self._state["progress"] = {"stage": "files", "part": 0}

    def _own(self, row: Row) -> Row:
        """The row with what is sealed beside it sealed by this deployment; none of another organization."""
        if not row["pk"]["S"].startswith(f"{self._org_id}#"):
            raise InvalidInputError(f"the backup holds a row of another organization: {row['pk']['S'][:100]}")
        if self._sealing is None or SEALED not in row.get("private", {}).get("M", {}):
            return row
        return resealed(row, self._sealing, self._ports.secrets)

    def _files(self, progress: Document) -> None:
        parts = parts_of(self._manifest, FILES)
        number = int(progress["part"])
        if number < len(parts):
            for file in self._read(parts[number]):
                self._file(file)
            progress["part"] = number + 1
        else:
            self._state["progress"] = {"stage": "compare", "table": Table.ENTITIES.value, "found": {}}

    def _file(self, file: Mapping[str, Any]) -> None:
        source = folder(self._org_id, self._backup_id) + file["name"]
        if digest_of_file(self._ports, source) != (file["sha256"], int(file["bytes"])):
            raise InvalidInputError(f"{file['name']} is not what the backup says: its SHA-256 differs")
        self._ports.blobs.copy(source, f"{self._org_id}/{file['key']}")

    def _compare(self, progress: Document, time_is_up: TimeIsUp) -> None:
        table = Table(progress["table"])
        if not count(self._ports, table, self._org_id, self._until, progress, time_is_up):
            return
        found = {**progress["found"], table.value: progress["tally"]}
        following = _following(table)
        if following:
            self._state["progress"] = {"stage": "compare", "table": following, "found": found}
            return
        wrong = differing(self._state["tables"], found)
        if wrong:
            self._state |= {"tables": _no_rows(), "progress": {"stage": "rows", "part": 0}}
            write_document(self._ports, self._org_id, self._backup_id, RESTORE, self._state)
            raise InvalidInputError(
                f"what was put back is not what the backup holds ({', '.join(wrong)}), so nobody can enter; importing "
                "again puts all of it back once more. If that does not help, something else writes to the organization"
            )
        self._state["progress"] = {"stage": "open"}

    def _open(self) -> None:
        """From here on the organization is there. Its access keys come first, so that it is never without them.

        Where it is there already, only this was not recorded: keys may have been taken from it since.
        """
        rows = [line["Item"] for part in parts_of(self._manifest, ACCESS) for line in self._read(part)]
        self._check_access(rows)
        if not self._is_here():
            own = [row for row in rows if row["sk"]["S"] == self._org_id]
            self._ports.rows.put(Table.ENTITIES, [row for row in rows if row not in own])
            self._ports.rows.put(Table.ENTITIES, own)
        self._state["progress"] = None
        self._state["finishedAt"] = instants.to_text(self._ports.clock.now())

    def _is_here(self) -> bool:
        """Whether its own row is, which is put last."""
        return any(row["sk"]["S"] == self._org_id for row in self._ports.rows.keys_to_it(self._org_id))

    def _check_access(self, rows: Sequence[Row]) -> None:
        """Refuse rows that are neither the organization's own nor of its access keys: they lie among those of all others."""
        keys = {
            row["sk"]["S"]
            for row in rows
            if row["pk"]["S"] == ACCESS_KEYS and wire.loads(row["body"]["S"])["orgId"] == self._org_id
        }
        for row in rows:
            pk, sk = row["pk"]["S"], row["sk"]["S"]
            of_key = sk in keys and (pk == ACCESS_KEYS or pk.startswith(f"{ACCESS_KEYS}#"))
            if not of_key and (pk, sk) != (ORGANIZATIONS, self._org_id):
                raise InvalidInputError(f"the backup holds a row of another organization: {pk[:100]}")

    def _read(self, part: Document) -> Any:
        return read_part(self._ports, self._org_id, self._backup_id, part)


def _here_already(org_id: str) -> InvalidInputError:
    return InvalidInputError(f"the organization {org_id} is here already; import it where nothing of it is")


def _no_rows() -> Document:
    return {table.value: Tally().document() for table in Table}


def _following(table: Table) -> str | None:
    tables = list(Table)
    position = tables.index(table) + 1
    return tables[position].value if position < len(tables) else None

"""An organization becomes files and an organization again, whatever is cut off, altered or in the way."""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.organization_rows import FakeOrganizationRows, key_of
from usance.adapters.secrets import KeySealing
from usance.application.backup import export_organization as exporting
from usance.application.backup import parts
from usance.application.backup.export_organization import begin_export, export_organization
from usance.application.backup.import_organization import import_organization
from usance.application.backup.ports import BackupPorts
from usance.application.backup.transfer import download_urls, upload_urls
from usance.application.ports.organization_rows import Row, RowPage, Table
from usance.domain.kernel.errors import InvalidInputError, NotFoundError

ORG, OTHER = "0190a5d0-ac96-774b-bcce-b302099a8057", "0190a5d0-ac96-774b-bcce-b302099a8058"
KEY = "k" * 43
NEVER: Callable[[], bool] = lambda: False  # noqa: E731


@dataclass
class Keyed:
    """The secrets of one deployment."""

    key: bytes

    def seal(self, plain: str, *, context: str) -> str:
        return KeySealing(self.key).seal(plain, context=context)

    def open(self, sealed: str, *, context: str) -> str:
        return KeySealing(self.key).open(sealed, context=context)


@dataclass
class Deployment:
    """Stores of a deployment with a key of its own."""

    name: str = "a"
    rows: FakeOrganizationRows = field(default_factory=FakeOrganizationRows)
    blobs: FakeBlobStore = field(default_factory=FakeBlobStore)
    clock: FrozenClock = field(default_factory=FrozenClock)

    def __post_init__(self) -> None:
        self.secrets = Keyed(self.name.encode() * 40)

    @property
    def ports(self) -> BackupPorts:
        sealing = lambda key: KeySealing(key.encode())  # noqa: E731
        return BackupPorts(self.rows, self.blobs, self.secrets, sealing, self.clock, CountingIds())  # type: ignore[arg-type]

    def entity(self, type_: str, id_: str, org: str = ORG, **private: str) -> None:
        row: dict[str, Any] = {
            "pk": {"S": f"{org}#{type_}"},
            "sk": {"S": id_},
            "id": {"S": id_},
            "body": {"S": "{1.50}"},
        }
        if private:
            row["private"] = {"M": {name: {"S": text} for name, text in private.items()}}
        self.rows.tables[Table.ENTITIES][key_of(row)] = row

    def export(self, key: str | None = KEY) -> dict[str, Any]:
        manifest = begin_export(self.ports, ORG, key)
        return export_organization(self.ports, ORG, manifest["backupId"], key, time_is_up=NEVER)

    def take(self, source: "Deployment", backup_id: str) -> None:
        """The files of a backup, as the command brings them."""
        prefix = f"{ORG}/backups/{backup_id}/"
        for key in source.blobs.list_keys(prefix, after=None, limit=10_000):
            self.blobs.put(key, source.blobs.get(key), source.blobs.content_types[key])

    def restore(self, backup_id: str, key: str | None = KEY) -> dict[str, Any]:
        return import_organization(self.ports, ORG, backup_id, key, time_is_up=NEVER)

    def belongings(self) -> Any:
        """All rows and files, sealed texts opened."""
        tables = {
            table: {key: self._opened(row) for key, row in rows.items()} for table, rows in self.rows.tables.items()
        }
        files = {key: body for key, body in self.blobs.objects.items() if "/backups/" not in key}
        return tables, files, {key: self.blobs.content_types[key] for key in files}

    def _opened(self, row: Row) -> Row:
        sealed = row.get("private", {}).get("M", {}).get("sealed")
        return {**row, "private": self.secrets.open(sealed["S"], context=row["id"]["S"])} if sealed else row


@pytest.fixture
def source() -> Deployment:
    made = Deployment()
    made.entity("organization", ORG, "-")
    key = {"pk": {"S": "-#accessKey"}, "sk": {"S": "key"}, "body": {"S": json.dumps({"orgId": ORG})}}
    made.rows.tables[Table.ENTITIES][key_of(key)] = key
    for number in range(5):
        made.entity("product", f"p{number}")
    made.entity("bill", "b", chunks="1")
    made.entity("webhook", "w", sealed=made.secrets.seal('{"secret":"hush"}', context="w"), other="kept")
    made.rows.tables[Table.USAGE] = {
        f"{ORG}#m#a#2026-01|{day}": {"pk": {"S": f"{ORG}#m#a#2026-01"}, "sk": {"S": day}, "ts": {"B": "AAEC"}}
        for day in ("01", "02", "03")
    }
    soon, later = (int((made.clock.now() + timedelta(days=days)).timestamp()) for days in (1, 20))
    made.rows.tables[Table.EVENTS] = {
        f"{ORG}#{name}|": {"pk": {"S": f"{ORG}#{name}"}, "expires": {"N": str(expires)}}
        for name, expires in (("going", soon), ("staying", later))
    }
    made.blobs.put(f"{ORG}/statements/s.json", b"{}", "application/json")
    made.blobs.put(f"{ORG}/audits/a.json", b"[]", "application/json")
    made.blobs.put(f"{OTHER}/statements/s.json", b"not theirs", "application/json")
    return made


@pytest.fixture
def target() -> Deployment:
    made = Deployment("b")
    made.entity("product", "x", OTHER)
    return made


def theirs(deployment: Deployment) -> Any:
    """What belongs to the organization, but for what expires soon."""
    tables, files, types = deployment.belongings()
    kept = {
        table: {key: row for key, row in rows.items() if "going" not in key and not key.startswith(OTHER)}
        for table, rows in tables.items()
    }
    return (
        kept,
        {key: body for key, body in files.items() if key.startswith(ORG)},
        {k: v for k, v in types.items() if k.startswith(ORG)},
    )


def test_an_organization_is_the_same_in_another_deployment(source: Deployment, target: Deployment) -> None:
    manifest = source.export()
    assert (manifest["changed"], manifest["secrets"], manifest["files"]["count"]) == ([], "RESEALED", 2)
    assert {table: one["rows"] for table, one in manifest["tables"].items()} == {"entities": 7, "usage": 3, "events": 1}
    target.take(source, manifest["backupId"])
    assert target.restore(manifest["backupId"])["finishedAt"]
    assert theirs(target) == theirs(source)
    assert "x" in str(target.rows.tables)  # the other organization is still there


def test_nothing_of_another_organization_is_in_a_backup(source: Deployment) -> None:
    source.entity("product", "of another", OTHER)
    manifest = source.export()
    content = b"".join(gzip.decompress(body) for key, body in source.blobs.objects.items() if key.endswith(".gz"))
    assert manifest["tables"]["entities"]["rows"] == 7
    assert b"of another" not in content
    assert OTHER.encode() not in content


def test_sealed_texts_open_by_the_key_alone(source: Deployment, target: Deployment) -> None:
    manifest = source.export()
    target.take(source, manifest["backupId"])
    for key in (None, "x" * 43, "short"):
        with pytest.raises(InvalidInputError, match="key"):
            target.restore(manifest["backupId"], key)
    assert not target.rows.keys_to_it(ORG)
    line = next(
        row["Item"]
        for key, body in source.blobs.objects.items()
        if "entities-" in key
        for row in map(json.loads, gzip.decompress(body).splitlines())
        if row["Item"]["sk"]["S"] == "w"
    )
    assert KeySealing(KEY.encode()).open(line["private"]["M"]["sealed"]["S"], context="w") == '{"secret":"hush"}'


def test_without_a_key_credentials_and_access_keys_stay_behind(source: Deployment, target: Deployment) -> None:
    manifest = source.export(None)
    target.take(source, manifest["backupId"])
    target.restore(manifest["backupId"], None)
    rows = target.rows.tables[Table.ENTITIES]
    assert rows[f"{ORG}#webhook|w"]["private"] == {"M": {"other": {"S": "kept"}}}
    assert [key for key in rows if key.startswith("-#")] == [f"-#organization|{ORG}"]
    with pytest.raises(InvalidInputError, match="leave the key out"):
        export_organization(source.ports, ORG, manifest["backupId"], KEY, time_is_up=NEVER)


@pytest.mark.parametrize("lines_max", [1, 150])
def test_a_step_at_a_time_comes_to_the_same(
    source: Deployment, target: Deployment, monkeypatch: pytest.MonkeyPatch, lines_max: int
) -> None:
    monkeypatch.setattr(parts, "LINES_MAX_BYTES", lines_max)
    monkeypatch.setattr(exporting, "LINES_MAX_BYTES", lines_max)
    monkeypatch.setattr(exporting, "FILES_MAX", 1)
    backup_id = begin_export(source.ports, ORG, KEY)["backupId"]
    manifest: Mapping[str, Any] = {"finishedAt": None}
    while manifest["finishedAt"] is None:
        manifest = export_organization(source.ports, ORG, backup_id, KEY, time_is_up=once())
    target.take(source, backup_id)
    state: Mapping[str, Any] = {"finishedAt": None}
    while state["finishedAt"] is None:
        assert f"-#organization|{ORG}" not in target.rows.tables[Table.ENTITIES]
        state = import_organization(target.ports, ORG, backup_id, KEY, time_is_up=once())
    assert theirs(target) == theirs(source)
    assert len([part for part in manifest["parts"] if part["kind"] == "entities"]) > 1


def once() -> Callable[[], bool]:
    """Time for one step."""
    answers = iter([False])
    return lambda: next(answers, True)


def test_an_organization_that_has_only_just_begun_moves_too(target: Deployment) -> None:
    source = Deployment()
    source.entity("organization", ORG, "-")
    manifest = source.export()
    assert [part["kind"] for part in manifest["parts"]] == ["access"]
    target.take(source, manifest["backupId"])
    target.restore(manifest["backupId"])
    assert theirs(target) == theirs(source)


def test_a_table_full_of_others_takes_several_steps_and_makes_no_empty_parts(source: Deployment) -> None:
    for number in range(20):
        source.entity("product", f"{number:02}", OTHER)
    backup_id = begin_export(source.ports, ORG, KEY)["backupId"]
    steps = 0
    manifest: Mapping[str, Any] = {"finishedAt": None}
    while manifest["finishedAt"] is None:
        manifest = export_organization(source.ports, ORG, backup_id, KEY, time_is_up=once())
        steps += 1
    assert steps > 20
    assert all(part["lines"] for part in manifest["parts"])
    assert manifest["tables"]["entities"]["rows"] == 7


class CutError(Exception):
    """The process ends here."""


@dataclass
class Cutting(FakeBlobStore):
    """A bucket whose `at`-th write, or copy, ends the process after it is done."""

    at: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def put(self, key: str, body: bytes, content_type: str) -> None:
        super().put(key, body, content_type)
        self.at -= 1
        if self.at == 0:
            raise CutError


def test_wherever_it_is_cut_off_repeating_finishes(source: Deployment) -> None:
    expected = theirs(source)
    for at in range(1, 30):
        bucket = Cutting()
        bucket.objects, bucket.content_types = dict(source.blobs.objects), dict(source.blobs.content_types)
        again = Deployment("a", source.rows, bucket)
        backup_id = begin_export(again.ports, ORG, KEY)["backupId"]
        bucket.at = at
        cut = finished(
            lambda again=again, id_=backup_id: export_organization(again.ports, ORG, id_, KEY, time_is_up=NEVER)
        )
        target, taking = Deployment("b"), Cutting()
        target.blobs = taking
        bucket.at = 0
        target.take(again, backup_id)
        taking.at = at
        cut |= finished(lambda target=target, id_=backup_id: target.restore(id_))
        assert theirs(target) == expected, at
        if not cut:
            assert at > 10
            return
    raise AssertionError("there is no end to the writes")


def finished(step: Callable[[], Any]) -> bool:
    """Do it until it is done; whether it was cut off."""
    try:
        assert step()["finishedAt"]
    except CutError:
        assert step()["finishedAt"]
        return True
    return False


def test_what_changes_while_it_is_read_is_noticed_and_not_put_back(source: Deployment, target: Deployment) -> None:
    def change(table: Table, after: Any) -> None:
        if table is Table.USAGE and after is None:
            source.entity("product", "late")

    source.rows.before_page = change
    manifest = source.export()
    assert manifest["changed"] == ["entities"]
    target.take(source, manifest["backupId"])
    with pytest.raises(InvalidInputError, match="changed while it was exported"):
        target.restore(manifest["backupId"])


def test_a_file_that_is_replaced_while_it_is_exported_is_put_back_as_it_was_copied(
    source: Deployment, target: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, copy = f"{ORG}/audits/a.json", source.blobs.copy

    def replace_then_copy(key: str, to: str) -> None:
        if key == own:
            source.blobs.put(own, b"[1]", "application/json")
        copy(key, to)

    monkeypatch.setattr(source.blobs, "copy", replace_then_copy)
    manifest = source.export()
    target.take(source, manifest["backupId"])
    assert target.restore(manifest["backupId"])["finishedAt"]
    assert target.blobs.get(own) == b"[1]"


@pytest.mark.parametrize("what", ["organization", "row", "usage", "file"])
def test_a_target_that_holds_anything_of_it_is_refused_untouched(
    source: Deployment, target: Deployment, what: str
) -> None:
    manifest = source.export()
    target.take(source, manifest["backupId"])
    if what == "organization":
        target.entity("organization", ORG, "-")
    elif what == "row":
        target.entity("product", "p9")
    elif what == "usage":
        target.rows.tables[Table.USAGE] = dict(list(source.rows.tables[Table.USAGE].items())[:1])
    else:
        target.blobs.put(f"{ORG}/statements/other.json", b"", "application/json")
    before = target.belongings()
    with pytest.raises(InvalidInputError, match="already"):
        target.restore(manifest["backupId"])
    assert target.belongings() == before


@pytest.mark.parametrize(
    "name", ["entities-00000.jsonl.gz", "usage-00000.jsonl.gz", "files/00000001", "access-00000.jsonl.gz"]
)
def test_a_damaged_file_is_refused_and_nobody_enters(source: Deployment, target: Deployment, name: str) -> None:
    manifest = source.export()
    target.take(source, manifest["backupId"])
    key = f"{ORG}/backups/{manifest['backupId']}/{name}"
    target.blobs.objects[key] = gzip.compress(b"{}")
    with pytest.raises(InvalidInputError, match=name):
        target.restore(manifest["backupId"])
    assert not target.rows.keys_to_it(ORG)


def test_what_does_not_arrive_keeps_the_organization_shut(source: Deployment, target: Deployment) -> None:
    manifest = source.export()
    target.take(source, manifest["backupId"])
    real = target.rows.put

    def losing(table: Table, rows: Any) -> None:
        real(table, rows[1:] if table is Table.USAGE else rows)

    target.rows.put = losing  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(InvalidInputError, match="usage"):
            target.restore(manifest["backupId"])
        assert not target.rows.keys_to_it(ORG)
    target.rows.put = real  # type: ignore[method-assign]
    assert target.restore(manifest["backupId"])["finishedAt"]
    assert theirs(target) == theirs(source)


def test_a_row_of_another_organization_is_refused(source: Deployment, target: Deployment) -> None:
    real = source.rows.page

    def leaking(table: Table, org_id: str, after: Any) -> RowPage:
        page = real(table, org_id, after)
        return RowPage([*page.rows, {"pk": {"S": f"{OTHER}#x"}, "sk": {"S": "y"}}], page.after)

    source.rows.page = leaking  # type: ignore[method-assign]
    manifest = source.export()
    target.take(source, manifest["backupId"])
    with pytest.raises(InvalidInputError, match="another organization"):
        target.restore(manifest["backupId"])


def test_a_row_of_another_organization_among_the_keys_is_refused(source: Deployment, target: Deployment) -> None:
    backup_id = source.export()["backupId"]
    target.take(source, backup_id)
    folder = f"{ORG}/backups/{backup_id}/"
    manifest = json.loads(target.blobs.get(f"{folder}manifest.json"))
    [part] = [one for one in manifest["parts"] if one["kind"] == "access"]
    row = {"pk": {"S": "-#organization"}, "sk": {"S": OTHER}, "body": {"S": "{}"}}
    foreign = json.dumps({"Item": row}).encode()
    packed = gzip.compress(gzip.decompress(target.blobs.get(folder + part["name"])) + foreign + b"\n")
    target.blobs.put(folder + part["name"], packed, "application/gzip")
    part["sha256"] = hashlib.sha256(packed).hexdigest()
    target.blobs.put(f"{folder}manifest.json", json.dumps(manifest).encode(), "application/json")
    with pytest.raises(InvalidInputError, match="another organization"):
        target.restore(backup_id)
    assert key_of(row) not in target.rows.tables[Table.ENTITIES]
    assert not target.rows.keys_to_it(ORG)


@pytest.mark.parametrize("at", range(1, 11))
def test_what_changes_after_another_process_has_finished_stays(source: Deployment, target: Deployment, at: int) -> None:
    """The command is given again while the invocation before still runs, and wins."""
    backup_id = source.export()["backupId"]
    target.take(source, backup_id)
    product, reading = f"{ORG}#product|p0", iter(range(1, 1_000))

    def finish_elsewhere(_table: Table, _after: object) -> None:
        if next(reading) == at:
            target.rows.before_page = None
            target.restore(backup_id)
            target.rows.tables[Table.ENTITIES][product] |= {"body": {"S": "changed"}}

    target.rows.before_page = finish_elsewhere
    for _ in range(2):
        with suppress(InvalidInputError):
            target.restore(backup_id)
    assert target.rows.before_page is None
    assert target.rows.tables[Table.ENTITIES][product]["body"] == {"S": "changed"}


def test_an_access_key_that_was_deleted_since_stays_deleted(source: Deployment, target: Deployment) -> None:
    backup_id = source.export()["backupId"]
    target.take(source, backup_id)
    target.restore(backup_id)
    state = f"{ORG}/backups/{backup_id}/restore.json"
    begun = json.loads(target.blobs.get(state)) | {"finishedAt": None, "progress": {"stage": "open"}}
    target.blobs.put(state, json.dumps(begun).encode(), "application/json")  # died before it was recorded
    del target.rows.tables[Table.ENTITIES]["-#accessKey|key"]
    assert target.restore(backup_id)["finishedAt"]
    assert "-#accessKey|key" not in target.rows.tables[Table.ENTITIES]


def test_a_backup_can_be_put_back_where_it_was_made_once_the_organization_is_gone(source: Deployment) -> None:
    manifest = source.export()
    expected = theirs(source)
    with pytest.raises(InvalidInputError, match="here already"):
        source.restore(manifest["backupId"])
    for table in Table:
        source.rows.tables[table] = {}
    for key in [key for key in source.blobs.objects if key.startswith(ORG) and "/backups/" not in key]:
        source.blobs.delete([key])
    source.restore(manifest["backupId"])
    assert theirs(source) == expected


def test_what_is_not_there_or_not_ours_is_refused_by_name(source: Deployment, target: Deployment) -> None:
    with pytest.raises(NotFoundError, match="no organization"):
        begin_export(target.ports, ORG, KEY)
    with pytest.raises(NotFoundError, match="no backup x"):
        target.restore("x")
    with pytest.raises(InvalidInputError, match="backupId"):
        target.restore("../x")
    unfinished = begin_export(source.ports, ORG, KEY)["backupId"]
    with pytest.raises(InvalidInputError, match="not finished"):
        source.restore(unfinished)
    key = f"{ORG}/backups/{unfinished}/manifest.json"
    source.blobs.put(key, source.blobs.get(key).replace(b'"formatVersion":1', b'"formatVersion":2'), "application/json")
    with pytest.raises(InvalidInputError, match="format 2"):
        source.restore(unfinished)


def test_urls_are_of_files_of_the_backup_alone(source: Deployment) -> None:
    asked = (source.ports, ORG, "b")
    assert "backups/b/manifest.json" in download_urls(*asked, ["manifest.json"])["manifest.json"]
    file = {"name": "files/00000000", "bytes": 3, "contentType": "text/csv"}
    assert upload_urls(*asked, [file])["files/00000000"]["headers"] == {"Content-Type": "text/csv"}
    for name in ("../../x", "files/../manifest.json", "restore.json", "manifest.json/x"):
        with pytest.raises(InvalidInputError, match="not the name of a file"):
            download_urls(*asked, [name])
    with pytest.raises(InvalidInputError, match="100"):
        download_urls(*asked, ["manifest.json"] * 101)

"""Exports, from the request to the files (metering.md 8)."""

import csv
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, get_args

import duckdb
import pytest

from tests.fakes.events import FakeEventLog
from tests.fakes.raising import raising_of
from tests.unit.application.billing.world import World
from tests.unit.application.usage.explorer import Explorer
from usance.adapters.duckdb import parquet
from usance.adapters.duckdb.parquet import ParquetFiles
from usance.application.busy import FAULTS_MAX
from usance.application.exports import run_export_job as worker
from usance.application.exports import usage_rows
from usance.application.exports.operational_rows import columns
from usance.application.exports.ports import ExportWorkbench
from usance.application.exports.run_schedules import run_export_schedules
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.application.usage.measurement_rows import OWN_COLUMNS
from usance.bootstrap.scheduler import Scheduler
from usance.domain.exports.types import type_of
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.entrypoints.queue import export_worker
from usance.entrypoints.schedule import scheduler
from usance.resources.data_export import OperationalDataType
from usance.resources.instants import from_text
from usance.resources.wire import Document

TYPES: tuple[str, ...] = get_args(OperationalDataType)
ACCOUNTS: dict[str, Any] = {"sourceType": "OPERATIONAL", "operationalDataTypes": ["ACCOUNTS"]}
JANUARY: dict[str, Any] = {
    "sourceType": "USAGE",
    "startDate": "2026-01-01T00:00:00Z",
    "endDate": "2026-01-16T00:00:00Z",
}


@dataclass
class Targets:
    """Buckets of others. `refusals` are raised first, one a call; None lets one through."""

    objects: dict[str, bytes] = field(default_factory=dict)
    refusals: list[Exception | None] = field(default_factory=list)

    def put(self, org_id: str, destination: Document, key: str, stream: BinaryIO, headers: Mapping[str, str]) -> None:
        if self.refusals and (refusal := self.refusals.pop(0)):
            raise refusal
        self.objects[f"{destination['bucketName']}/{key}"] = stream.read()


class Exports:
    """An organization, with a worker that time never presses. The clock stands at 15 January 2026, noon."""

    def __init__(self) -> None:
        self.world = World()
        self.org = self.world.org
        self.explorer = Explorer(self.org)
        self.events = FakeEventLog(self.org.clock)
        self.targets = Targets()
        self.bench = ExportWorkbench(
            self.org.exporting,
            self.org.blobs,
            self.world.bills,
            self.explorer.log,
            self.events,
            self.targets,
            ParquetFiles(),
        )
        self.pressed = False

    def ask(self, **body: Any) -> str:
        answer = self.org.client.post("/dataexports/adhoc", body)
        assert answer.status == 200, answer.text
        return str(answer.json["jobId"])

    def refusal(self, **body: Any) -> str:
        answer = self.org.client.post("/dataexports/adhoc", body)
        assert answer.status == 400, answer.text
        return answer.message

    def work(self, *, last_try: bool = False) -> list[int]:
        """Run the worker until the queue is empty; by how many seconds the messages were delayed."""
        delays: list[int] = []
        while taken := self.org.exports.take():
            for message, delay in taken:
                delays.append(delay)
                worker.run_export_job(
                    self.bench,
                    message["orgId"],
                    message["jobId"],
                    time_is_up=lambda: self.pressed,
                    faults=message.get("faults", 0),
                    last_try=last_try,
                )
        return delays

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.org.client.get(f"/dataexports/jobs/{job_id}").json)

    def download(self, job_id: str) -> bytes:
        answer = self.org.client.get(f"/dataexports/jobs/{job_id}/getdownloadurl")
        assert answer.status == 200, answer.text
        return self.org.blobs.fetch(answer.json["url"])[0]

    def table(self, job_id: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(gzip.decompress(self.download(job_id)).decode())))

    def lines(self, job_id: str) -> list[dict[str, Any]]:
        text = gzip.decompress(self.download(job_id)).decode()
        return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]

    def export(self, **body: Any) -> str:
        job_id = self.ask(**body)
        self.work()
        assert self.job(job_id)["status"] == "SUCCEEDED"
        return job_id

    def schedule(self, **more: Any) -> dict[str, Any]:
        return self.org.make("dataExportSchedule", **more)

    def tick(self, at: str) -> int:
        self.org.clock.instant = from_text(at)
        return run_export_schedules(self.org.exporting, from_text(at))


def numbers(*codes: str) -> list[dict[str, Any]]:
    return [{"category": "MEASURE", "code": code, "name": code, "unit": "1"} for code in codes]


@pytest.fixture
def exports() -> Exports:
    return Exports()


class Context:
    """Of an invocation that has just begun."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 900_000


class TestOperational:
    def test_entities_are_exported_as_the_api_shows_them(self, exports: Exports) -> None:
        made = exports.org.make("account", name="Größe, Ltd", customFields={"tier": "gold", "weight": Decimal("1.50")})
        job_id = exports.export(**ACCOUNTS)
        job = exports.job(job_id)
        assert {name: job[name] for name in ("sourceType", "status", "dateCreated", "startedAt", "version")} == {
            "sourceType": "OPERATIONAL",
            "status": "SUCCEEDED",
            "dateCreated": "2026-01-15T12:00:00.000000Z",
            "startedAt": "2026-01-15T12:00:00.000000Z",
            "version": 4,
        }
        [row] = [row for row in exports.table(job_id) if row["id"] == made["id"]]
        assert (row["name"], row["version"], row["customFields"]) == (
            "Größe, Ltd",
            "1",
            '{"tier":"gold","weight":1.50}',
        )
        assert len(exports.table(job_id)) == len(exports.explorer.accounts) + 1

    def test_json_lines_hold_whole_entities(self, exports: Exports) -> None:
        plan = exports.org.make("plan")
        asked = {**ACCOUNTS, "operationalDataTypes": ["PLANS"], "exportFileFormat": "JSONL"}
        assert exports.lines(exports.export(**asked)) == [
            json.loads(json.dumps(exports.org.client.get(f"/plans/{plan['id']}").json))
        ]

    def test_several_types_are_an_archive_with_a_file_of_each(self, exports: Exports) -> None:
        exports.world.subscribe()
        exports.world.use(exports.org.make("account"), "2025-12-05T00:00:00Z", 3)
        exports.world.bill(exports.world.run())
        names = list(TYPES)
        job_id = exports.export(**{**ACCOUNTS, "operationalDataTypes": names})
        with zipfile.ZipFile(io.BytesIO(exports.download(job_id))) as archive:
            files = {
                name.partition("_")[2]: gzip.decompress(archive.read(name)).decode() for name in archive.namelist()
            }
        assert set(files) == {f"{type_of(name)}.csv.gz" for name in names}
        [bill] = csv.DictReader(io.StringIO(files["bill.csv.gz"]))
        assert (bill["billTotal"], bill["locked"], bill["status"]) == ("20.00", "false", "PENDING")
        lines = list(csv.DictReader(io.StringIO(files["billLineItem.csv.gz"])))
        assert {line["billId"] for line in lines} == {bill["id"]}
        assert sum(Decimal(line["convertedSubtotal"]) for line in lines) == Decimal(bill["billTotal"])
        [band] = csv.DictReader(io.StringIO(files["pricingBand.csv.gz"]))
        assert (band["list"], band["lowerLimit"], band["unitPrice"]) == ("pricingBands", "0", "1")

    def test_no_field_of_an_entity_is_left_out(self, exports: Exports) -> None:
        exports.world.subscribe()
        exports.world.bill(exports.world.run())
        for name in TYPES:
            if type_of(name) in {"bill", "billLineItem", "pricingBand"}:
                continue
            exports.org.make(type_of(name))
        for name in TYPES:
            asked = {**ACCOUNTS, "operationalDataTypes": [name], "exportFileFormat": "JSONL"}
            rows = exports.lines(exports.export(**asked))
            assert rows, name
            for row in rows:
                assert row.keys() <= set(columns(type_of(name))), name

    def test_only_what_changed_since_the_start_date(self, exports: Exports) -> None:
        exports.org.make("product")
        exports.org.clock.instant = from_text("2026-01-16T00:00:00Z")
        late = exports.org.make("product")
        asked = {**ACCOUNTS, "operationalDataTypes": ["PRODUCTS"], "startDate": "2026-01-16T00:00:00Z"}
        assert [row["id"] for row in exports.table(exports.export(**asked))] == [late["id"]]

    def test_pages_are_put_together(self, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("usance.application.exports.operational_rows.PAGE", 2)
        made = [exports.org.make("product")["id"] for _ in range(5)]
        job_id = exports.export(**{**ACCOUNTS, "operationalDataTypes": ["PRODUCTS"]})
        assert [row["id"] for row in exports.table(job_id)] == made[::-1]

    def test_a_worker_out_of_time_goes_on_where_it_was(self, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("usance.application.exports.operational_rows.PAGE", 2)
        made = {exports.org.make("product")["id"] for _ in range(5)}
        exports.pressed = True
        job_id = exports.ask(**{**ACCOUNTS, "operationalDataTypes": ["PRODUCTS"]})
        worker.run_export_job(exports.bench, exports.org.id, job_id, time_is_up=lambda: True)
        assert exports.job(job_id)["status"] == "RUNNING"
        exports.pressed = False
        exports.work()
        with zipfile.ZipFile(io.BytesIO(exports.download(job_id))) as archive:
            parts = [gzip.decompress(archive.read(name)).decode() for name in archive.namelist()]
        rows = [row["id"] for part in parts for row in csv.DictReader(io.StringIO(part))]
        assert len(parts) == 2
        assert (set(rows), len(rows)) == (made, 5)


class TestUsage:
    def test_measurements_are_exported_as_uploads_name_them(self, exports: Exports) -> None:
        exports.explorer.use(0, "2026-01-05T10:30:00Z", Decimal("0.10"), "eu", "ann")
        exports.explorer.use(1, "2026-01-04T00:00:00Z", 7, "us", "=1+1")
        exports.explorer.use(1, "2026-01-16T00:00:00Z", 9)
        job_id = exports.export(**JANUARY)
        rows = exports.table(job_id)
        account = exports.explorer.accounts[0]
        assert rows[0] == {
            "uid": "uid-1",
            "meterId": exports.explorer.meter["id"],
            "meterCode": "calls",
            "accountId": account["id"],
            "accountCode": account["code"],
            "ts": "2026-01-05T10:30:00.000000Z",
            "ets": "",
            "receivedAt": "2026-02-01T00:00:00.000001Z",
            "measure.tokens": "0.1",
            "where.region": "eu",
            "metadata.user": "ann",
        }
        assert [(row["measure.tokens"], row["metadata.user"]) for row in rows[1:]] == [("7", "=1+1")]

    def test_a_code_of_two_categories_has_a_column_of_each(self, exports: Exports) -> None:
        region = {"category": "WHAT", "code": "tokens", "name": "Tokens"}
        other = exports.org.make("meter", code="texts", dataFields=[region], derivedFields=[])
        exports.explorer.use(0, "2026-01-05T10:30:00Z", 7)
        columns = Columns(["b"], [microseconds(datetime(2026, 1, 6, tzinfo=UTC))], [None], {}, {"tokens": ["many"]})
        scope = UsageScope(exports.org.id, other["id"], exports.explorer.accounts[0]["id"])
        exports.explorer.log.append([UsageBatch(scope, "2026-01", "b" * 32, datetime(2026, 1, 6, tzinfo=UTC), columns)])
        table = exports.table(exports.export(**JANUARY))
        cells = {row["uid"]: (row["measure.tokens"], row["what.tokens"], row["where.region"]) for row in table}
        assert cells == {"uid-1": ("7", "", "eu"), "b": ("", "many", "")}

    def test_a_field_that_the_meter_has_no_more_is_in_a_column_of_its_own_of_the_files_that_have_any(
        self, exports: Exports
    ) -> None:
        meter = exports.explorer.meter
        exports.explorer.use(0, "2026-01-02T00:00:00Z", 3, user='a, "b"\n')
        exports.explorer.use(0, "2026-01-03T00:00:00Z", Decimal("0.250"), tier="gold")
        exports.explorer.use(0, "2026-01-04T00:00:00Z", 5)
        rows = exports.table(exports.export(**JANUARY))
        assert [row["fields"] for row in rows] == ["", '{"tier":"gold"}', ""]
        assert [(row["measure.tokens"], row["metadata.user"]) for row in rows[:2]] == [
            ("3", 'a, "b"\n'),
            ("0.25", "u"),
        ]
        texts = [one for one in meter["dataFields"] if one["code"] != "tokens"]
        assert exports.org.client.put(f"/meters/{meter['id']}", {**meter, "dataFields": texts}).status == 200
        rows = exports.table(exports.export(**JANUARY))
        assert [json.loads(row["fields"]) for row in rows] == [
            {"tokens": 3},
            {"tokens": 0.25, "tier": "gold"},
            {"tokens": 5},
        ]
        assert rows[0].keys() == {*OWN_COLUMNS, "where.region", "metadata.user", "fields"}

    def test_what_a_meter_that_was_deleted_has_measured_is_exported(self, exports: Exports) -> None:
        exports.explorer.use(0, "2026-01-02T00:00:00Z", 3)
        assert exports.org.client.delete(f"/meters/{exports.explorer.meter['id']}").status == 200
        [row] = exports.table(exports.export(**JANUARY))
        assert json.loads(row["fields"]) == {"tokens": 3, "region": "eu", "user": "u"}

    def test_json_lines_have_the_keys_of_a_query(self, exports: Exports) -> None:
        exports.explorer.use(0, "2026-01-05T10:30:00Z", 5)
        [row] = exports.lines(exports.export(**JANUARY, exportFileFormat="JSONL"))
        assert exports.explorer.rows(startDate=JANUARY["startDate"], endDate=JANUARY["endDate"]) == [row]

    def test_values_are_computed_as_a_query_does(self, exports: Exports) -> None:
        for day, tokens in ((2, 1), (2, 2), (3, 4)):
            exports.explorer.use(0, f"2026-01-0{day}T00:00:00Z", tokens)
        asked = {
            "aggregations": [exports.explorer.of("SUM")],
            "groups": [{"groupType": "ACCOUNT"}, {"groupType": "TIME", "frequency": "DAY"}],
        }
        rows = exports.table(exports.export(**JANUARY, **asked))
        assert [(row["ts"][:10], row["tokens.SUM"], row["accountCode"]) for row in rows] == [
            ("2026-01-02", "3", exports.explorer.accounts[0]["code"]),
            ("2026-01-03", "4", exports.explorer.accounts[0]["code"]),
        ]

    def test_without_usage_the_file_has_a_header_alone(self, exports: Exports) -> None:
        assert exports.table(exports.export(**JANUARY)) == []

    def test_what_is_too_much_at_once_is_read_in_parts(self, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(usage_rows, "ROWS_MAX", 2)
        for hour in range(20):
            exports.explorer.use(hour % 2, f"2026-01-05T{hour:02d}:00:00Z", hour)
        for _ in range(4):
            exports.explorer.use(2, "2026-01-06T00:00:00Z", 1)  # no time cuts these apart
        rows = exports.table(exports.export(**JANUARY))
        assert sorted(row["uid"] for row in rows) == sorted(f"uid-{number + 1}" for number in range(24))
        for account in exports.explorer.accounts:
            times = [row["ts"] for row in rows if row["accountId"] == account["id"]]
            assert times == sorted(times)

    def test_files_end_at_a_number_of_rows_and_no_row_is_lost_or_repeated(
        self, exports: Exports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usage_rows, "ROWS_MAX", 3)
        monkeypatch.setattr(worker, "FILE_ROWS_MAX", 4)
        for hour in range(20):
            exports.explorer.use(hour % 3, f"2026-01-05T{hour:02d}:00:00Z", hour)
        job_id = exports.export(**JANUARY)
        with zipfile.ZipFile(io.BytesIO(exports.download(job_id))) as archive:
            parts = [gzip.decompress(archive.read(name)).decode() for name in archive.namelist()]
        rows = [row["uid"] for part in parts for row in csv.DictReader(io.StringIO(part))]
        assert len(parts) > 3
        assert sorted(rows) == sorted(f"uid-{number + 1}" for number in range(20))


class TestParquet:
    """What engines read back is what the store holds, measurement for measurement."""

    def kept(self, exports: Exports, job_id: str, folder: Path) -> duckdb.DuckDBPyConnection:
        """The files of a job under their keys, and a connection of an engine."""
        for key, content in exports.org.blobs.objects.items():
            if key.endswith(".parquet"):
                path = folder / key.partition("/")[2]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        assert exports.job(job_id)["status"] == "SUCCEEDED"
        return duckdb.connect()

    def test_usage_is_read_back_measurement_for_measurement(self, exports: Exports, tmp_path: Path) -> None:
        huge = Decimal(12345678901234567890123456789012345678)
        values = [Decimal("0.1"), 7, Decimal("-0.000000000000000001"), huge, Decimal("1e-25"), None]
        for number, value in enumerate(values):
            day = f"2026-01-{number + 2:02d}T10:30:00.00000{number}Z"
            exports.explorer.use(number % 3, day, value, "größe" if number % 2 else "eu", '"quoted", \n')
        engine = self.kept(exports, exports.export(**JANUARY, exportFileFormat="PARQUET"), tmp_path)
        read = engine.execute(f"SELECT * FROM read_parquet('{tmp_path}/**/*.parquet') ORDER BY uid").fetchall()
        names = [column[0] for column in engine.description or ()]
        stored = sorted(
            exports.explorer.rows(startDate=JANUARY["startDate"], endDate=JANUARY["endDate"]),
            key=lambda row: str(row["uid"]),
        )
        assert len(read) == len(stored) == len(values)
        for cells, row in zip(read, stored, strict=True):
            shown = dict(zip(names, cells, strict=True))
            for name in ("uid", "meterId", "meterCode", "accountId", "accountCode", "region", "user"):
                assert shown[name] == row[name]
            for name in ("ts", "receivedAt"):
                assert shown[name] == from_text(row[name]).replace(tzinfo=None)
            exact = json.loads(shown["fields"], parse_float=Decimal)
            assert exact.get("tokens") == row.get("tokens")
            fits = row.get("tokens") is not None and row["tokens"] not in {huge, Decimal("1e-25")}
            assert shown["tokens"] == (row["tokens"] if fits else None)

    def test_a_field_that_the_meter_has_no_more_is_in_the_column_of_all_fields(
        self, exports: Exports, tmp_path: Path
    ) -> None:
        exports.explorer.use(0, "2026-01-02T00:00:00Z", Decimal("0.25"))
        meter = exports.explorer.meter
        texts = [one for one in meter["dataFields"] if one["code"] != "tokens"]
        assert exports.org.client.put(f"/meters/{meter['id']}", {**meter, "dataFields": texts}).status == 200
        engine = self.kept(exports, exports.export(**JANUARY, exportFileFormat="PARQUET"), tmp_path)
        [(kept,)] = engine.execute(f"SELECT fields FROM read_parquet('{tmp_path}/**/*.parquet')").fetchall()
        assert json.loads(kept) == {"tokens": 0.25, "region": "eu", "user": "u"}

    def test_the_query_of_the_guide_answers_what_the_store_does(self, exports: Exports, tmp_path: Path) -> None:
        for number in range(40):
            exports.explorer.use(number % 3, f"2026-01-{number % 9 + 2:02d}T{number % 24:02d}:00:00Z", number)
        exports.export(**JANUARY, exportFileFormat="PARQUET")
        job_id = exports.export(**JANUARY, exportFileFormat="PARQUET")  # the same once more: each uid counts once
        engine = self.kept(exports, job_id, tmp_path)
        guide = (Path(__file__).parents[4] / "docs" / "analytics.md").read_text(encoding="utf-8")
        query = guide.partition("```sql\n")[2].partition("```")[0].replace("'exports/", f"'{tmp_path}/exports/")
        found = engine.execute(query).fetchall()
        grouped = exports.explorer.rows(
            startDate=JANUARY["startDate"],
            endDate=JANUARY["endDate"],
            aggregations=[exports.explorer.of("SUM"), exports.explorer.of("COUNT")],
            groups=[{"groupType": "ACCOUNT"}, {"groupType": "TIME", "frequency": "DAY"}],
        )
        expected = {(row["accountCode"], row["ts"][:10]): (row["tokens.SUM"], row["tokens.COUNT"]) for row in grouped}
        assert {(code, str(day)[:10]): (tokens, count) for code, day, tokens, count in found} == expected

    def test_values_and_entities_are_typed_too(self, exports: Exports, tmp_path: Path) -> None:
        exports.explorer.use(0, "2026-01-02T00:00:00Z", Decimal("0.25"))
        asked = {"aggregations": [exports.explorer.of("SUM")], "groups": [{"groupType": "TIME", "frequency": "DAY"}]}
        self.kept(exports, exports.export(**JANUARY, **asked, exportFileFormat="PARQUET"), tmp_path)
        job_id = exports.export(**ACCOUNTS, exportFileFormat="PARQUET")
        engine = self.kept(exports, job_id, tmp_path)
        [values] = engine.execute(
            f"SELECT * FROM read_parquet('{tmp_path}/**/type=measurements/*.parquet', hive_partitioning = false)"
        ).fetchall()
        assert values == (datetime(2026, 1, 2), Decimal("0.25"), '{"tokens.SUM":0.25}')
        accounts = engine.execute(
            f"SELECT id, version FROM read_parquet('{tmp_path}/**/type=account/*.parquet')"
        ).fetchall()
        assert set(accounts) == {(one["id"], "1") for one in exports.explorer.accounts}

    def test_a_file_of_many_rows_is_written_in_chunks(
        self, exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parquet, "CHUNK_ROWS", 3)
        made = {exports.org.make("product")["id"] for _ in range(10)}
        asked = {**ACCOUNTS, "operationalDataTypes": ["PRODUCTS"], "exportFileFormat": "PARQUET"}
        engine = self.kept(exports, exports.export(**asked), tmp_path)
        rows = engine.execute(f"SELECT id FROM read_parquet('{tmp_path}/**/*.parquet')").fetchall()
        assert {id_ for (id_,) in rows} == made
        assert len(rows) == 10

    def test_no_usage_is_a_file_without_rows(self, exports: Exports, tmp_path: Path) -> None:
        engine = self.kept(exports, exports.export(**JANUARY, exportFileFormat="PARQUET"), tmp_path)
        found = engine.execute(f"SELECT count(*) FROM read_parquet('{tmp_path}/**/*.parquet')").fetchall()
        assert found == [(0,)]

    def test_fields_that_engines_could_not_tell_apart_have_names_of_their_own(
        self, exports: Exports, tmp_path: Path
    ) -> None:
        fields = numbers("v", "V", "fields", "type", "UID")
        meter = exports.org.make("meter", code="alike", dataFields=fields, derivedFields=[])
        values = {"v": [1], "V": [2], "fields": [3], "type": [4], "UID": [5]}
        columns = Columns(["a"], [microseconds(datetime(2026, 1, 2, tzinfo=UTC))], [None], values, {})
        scope = UsageScope(exports.org.id, meter["id"], exports.explorer.accounts[0]["id"])
        exports.explorer.log.append([UsageBatch(scope, "2026-01", "a" * 32, datetime(2026, 1, 2, tzinfo=UTC), columns)])
        asked = {**JANUARY, "meterIds": [meter["id"]], "exportFileFormat": "PARQUET"}
        engine = self.kept(exports, exports.export(**asked), tmp_path)
        found = engine.execute(f"SELECT * FROM read_parquet('{tmp_path}/**/*.parquet', hive_partitioning = true)")
        names = [column[0] for column in found.description or ()]
        [row] = found.fetchall()
        shown = dict(zip(names, row, strict=True))
        assert [shown[name] for name in ("v", "field.V", "field.fields", "field.type", "field.UID")] == [1, 2, 3, 4, 5]
        assert (shown["uid"], shown["type"]) == ("a", "measurements")
        assert json.loads(shown["fields"]) == {name: value for name, [value] in values.items()}


class TestRequests:
    def test_what_is_wrong_is_named(self, exports: Exports) -> None:
        usage = {**JANUARY}
        assert "operationalDataTypes" in exports.refusal(sourceType="OPERATIONAL")
        assert "operationalDataTypes" in exports.refusal(**usage, operationalDataTypes=["BILLS"])
        assert "meterIds" in exports.refusal(**ACCOUNTS, meterIds=[exports.explorer.meter["id"]])
        assert "startDate" in exports.refusal(**{**usage, "startDate": None})
        assert "endDate" in exports.refusal(**{**usage, "endDate": usage["startDate"]})
        assert "midnight" in exports.refusal(**{**usage, "endDate": "2026-01-16T00:00:00.000001Z"})
        assert "destinationIds" in exports.refusal(**ACCOUNTS, destinationIds=["x" * 36])
        assert "accountIds" in exports.refusal(**usage, accountIds=["x" * 36])
        assert "meterIds" in exports.refusal(**usage, meterIds=["x" * 36])
        assert "aggregations" in exports.refusal(**usage, groups=[{"groupType": "ACCOUNT"}])
        assert "sourceType" in exports.refusal(sourceType="ALL")
        assert exports.org.exports.messages == []

    def test_all_of_a_kind_must_be_allowed_to_be_exported(self, exports: Exports) -> None:
        def statement(effect: str, action: str, resource: str) -> dict[str, Any]:
            return {"effect": effect, "action": [action], "resource": [resource]}

        every = statement("Allow", "config:*", "*:*")
        one = exports.explorer.accounts[0]["id"]
        for denied in ("config:account/*", f"config:account/item/{one}"):
            caller = exports.org.as_caller(every, statement("Deny", "config:export", denied))
            assert caller.post("/dataexports/adhoc", ACCOUNTS).status == 403
            body = exports.org.body("dataExportSchedule")
            assert caller.post("/dataexports/schedules", body).status == 403
            plans = exports.org.make("dataExportSchedule", operationalDataTypes=["PLANS"])
            body = {**plans, "operationalDataTypes": ["PLANS", "ACCOUNTS"]}
            assert caller.put(f"/dataexports/schedules/{plans['id']}", body).status == 403
        no_accounts = exports.org.as_caller(every)
        assert no_accounts.post("/dataexports/adhoc", JANUARY).status == 403
        reader = exports.org.as_caller(every, statement("Allow", "measurements:export", "*"))
        assert reader.post("/dataexports/adhoc", JANUARY).status == 200

    @pytest.mark.parametrize(
        ("holder", "kind"),
        [("bill", "BILL_LINE_ITEMS"), ("pricing", "PRICING_BANDS"), ("balance", "BALANCE_TRANSACTIONS")],
    )
    def test_what_lies_in_a_denied_entity_is_not_exported(self, exports: Exports, holder: str, kind: str) -> None:
        every = {"effect": "Allow", "action": ["config:*"], "resource": ["*:*"]}
        deny = {"effect": "Deny", "action": ["config:export"], "resource": [f"config:{holder}/item/{'x' * 36}"]}
        asked = {"sourceType": "OPERATIONAL", "exportFileFormat": "CSV", "operationalDataTypes": [kind]}
        assert exports.org.as_caller(every, deny).post("/dataexports/adhoc", asked).status == 403
        assert exports.org.as_caller(every).post("/dataexports/adhoc", asked).status == 200

    def test_a_schedule_outlives_an_account_that_it_names(self, exports: Exports) -> None:
        account = exports.org.make("account")["id"]
        of_usage = {"sourceType": "USAGE", "operationalDataTypes": None, "timePeriod": "YESTERDAY"}
        refused = exports.org.create("dataExportSchedule", **of_usage, accountIds=["x" * 36])
        assert (refused.status, "accountIds" in refused.message) == (400, True)
        schedule = exports.org.make("dataExportSchedule", **of_usage, accountIds=[account])
        assert exports.org.client.delete(f"/accounts/{account}").status == 200
        path = f"/dataexports/schedules/{schedule['id']}"
        assert exports.org.client.put(path, {**schedule, "name": "Renamed"}).status == 200

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"period": None}, "period is required"),
            ({"scheduleType": None}, "scheduleType is required"),
            ({"scheduleType": "MINUTE", "period": 14}, "period"),
            ({"scheduleType": "HOUR", "period": 73}, "period"),
            ({"scheduleType": "MINUTE", "period": 30, "offset": 1}, "offset"),
            ({"offset": 24}, "offset"),
            ({"cronExpression": "0 6 * * *"}, "scheduleType"),
            ({"scheduleType": None, "period": None, "cronExpression": "*/5 * * * *"}, "15 minutes"),
            ({"sourceType": "USAGE", "operationalDataTypes": None}, "timePeriod"),
            ({"timePeriod": "TODAY"}, "timePeriod"),
            ({"destinationIds": ["x" * 36]}, "destinationIds"),
            ({"name": None}, "name"),
            ({"code": None}, "code"),
        ],
    )
    def test_schedules_are_checked_whole(self, exports: Exports, changes: dict[str, Any], named: str) -> None:
        body = {**exports.org.body("dataExportSchedule"), **changes}
        answer = exports.org.client.post(
            "/dataexports/schedules", {name: value for name, value in body.items() if value is not None}
        )
        assert (answer.status, named in answer.message) == (400, True), answer.text
        assert exports.org.exports.messages == []

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"iamRoleArn": None}, "iamRoleArn is required"),
            ({"iamRoleArn": "arn:aws:iam::1:user/x"}, "iamRoleArn"),
            ({"bucketName": "No"}, "bucketName"),
            ({"destinationType": "GCS"}, "projectNumber is required"),
            ({"iamRoleArn": None, "poolId": "p", "providerId": "q"}, "projectNumber is required"),
            ({"partitionOrder": "ANY"}, "partitionOrder"),
        ],
    )
    def test_destinations_are_checked_by_their_kind(
        self, exports: Exports, changes: dict[str, Any], named: str
    ) -> None:
        answer = exports.org.create("dataExportDestination", **changes)
        assert (answer.status, named in answer.message) == (400, True), answer.text

    def test_a_destination_of_a_schedule_is_not_deleted(self, exports: Exports) -> None:
        destination = exports.org.make("dataExportDestination")
        exports.schedule(code="nightly", destinationIds=[destination["id"]])
        answer = exports.org.client.delete(f"/dataexports/destinations/{destination['id']}")
        assert (answer.status, "nightly" in answer.message) == (400, True)

    def test_a_meter_of_a_schedule_is_not_deleted_and_an_account_may_go(self, exports: Exports) -> None:
        org = exports.org
        meter, other, account = org.make("meter"), org.make("meter"), org.make("account")
        aggregation = org.make("aggregation")
        counted = {"meterId": other["id"], "fieldCode": "tokens", "fieldType": "MEASURE", "function": "SUM"}
        rated = {"aggregationId": aggregation["id"]}
        usage = {"sourceType": "USAGE", "operationalDataTypes": None, "timePeriod": "YESTERDAY"}
        named = {"meterIds": [meter["id"], other["id"]], "accountIds": [account["id"]], "aggregations": [counted]}
        schedule = exports.schedule(code="nightly", **usage, **named)
        path = f"/dataexports/schedules/{schedule['id']}"
        wider = {"meterIds": [meter["id"], other["id"], aggregation["meterId"]], "aggregations": [counted, rated]}
        assert org.client.put(path, {**schedule, **wider}).status == 200
        for one in (f"meters/{meter['id']}", f"meters/{other['id']}", f"aggregations/{aggregation['id']}"):
            answer = org.client.delete(f"/{one}")
            assert (answer.status, "nightly" in answer.message) == (400, True)
        assert org.client.delete(f"/accounts/{account['id']}").status == 200
        schedule["version"] = 2
        renamed = org.client.put(path, {**schedule, "name": "Other", "meterIds": [other["id"]]})
        assert (renamed.status, renamed.json["version"]) == (200, 3), renamed.text
        assert org.client.delete(f"/aggregations/{aggregation['id']}").status == 200
        assert org.client.delete(f"/meters/{meter['id']}").status == 200

    def test_jobs_are_found_by_schedule_status_and_time(self, exports: Exports) -> None:
        def found(**query: str) -> list[str]:
            return [one["id"] for one in exports.org.client.get("/dataexports/jobs", **query).json["data"]]

        adhoc = exports.export(**ACCOUNTS)
        schedule = exports.schedule()
        [scheduled] = found(scheduleId=schedule["id"])
        assert found(status="PENDING") == [scheduled]
        assert found(status="SUCCEEDED") == [adhoc]
        assert found(dateCreatedEnd="2026-01-15T12:00:00Z") == []
        assert len(found(dateCreatedStart="2026-01-15T12:00:00Z")) == 2

    def test_a_file_is_downloaded_of_a_recent_job_that_succeeded(self, exports: Exports) -> None:
        def refusal(job_id: str) -> str:
            answer = exports.org.client.get(f"/dataexports/jobs/{job_id}/getdownloadurl")
            assert answer.status == 400
            return answer.message

        job_id = exports.ask(**ACCOUNTS)
        assert "PENDING" in refusal(job_id)
        exports.work()
        answer = exports.org.client.get(f"/dataexports/jobs/{job_id}/getdownloadurl").json
        assert answer["expirationTime"] == "2026-01-15T12:15:00.000000Z"
        exports.org.clock.instant = from_text("2026-01-16T12:00:00.000001Z")
        assert "24 hours" in refusal(job_id)


class TestSchedules:
    def test_the_first_job_comes_with_the_schedule_and_the_others_step_from_it(self, exports: Exports) -> None:
        schedule = exports.schedule(period=2)
        assert len(exports.org.exports.messages) == 1
        exports.work()
        assert exports.tick("2026-01-17T11:55:00Z") == 0
        assert exports.tick("2026-01-17T12:00:00Z") == 1
        assert exports.tick("2026-01-17T12:05:00Z") == 0
        jobs = exports.org.client.get("/dataexports/jobs", scheduleId=schedule["id"]).json["data"]
        assert [job["dateCreated"] for job in jobs] == ["2026-01-17T12:00:00.000000Z", "2026-01-15T12:00:00.000000Z"]

    def test_a_period_follows_the_run_and_not_the_moment_it_is_worked_at(self, exports: Exports) -> None:
        exports.explorer.use(0, "2026-01-16T23:59:59Z", 1)
        exports.explorer.use(0, "2026-01-17T00:00:00Z", 2)
        schedule = exports.schedule(
            sourceType="USAGE", operationalDataTypes=None, timePeriod="YESTERDAY", exportFileFormat="JSONL"
        )
        exports.work()
        assert exports.tick("2026-01-17T12:04:00Z") == 1
        exports.work()
        [job, _] = exports.org.client.get("/dataexports/jobs", scheduleId=schedule["id"]).json["data"]
        assert [row["tokens"] for row in exports.lines(job["id"])] == [1]

    def test_a_missed_run_is_made_up_for_once(self, exports: Exports) -> None:
        exports.schedule(scheduleType="MINUTE", period=15)
        exports.work()
        assert exports.tick("2026-01-20T00:01:00Z") == 1
        exports.work()
        assert exports.tick("2026-01-20T00:06:00Z") == 0

    def test_a_change_does_not_bring_back_runs_of_the_past(self, exports: Exports) -> None:
        schedule = exports.schedule()
        exports.work()
        exports.org.clock.instant = from_text("2026-01-15T18:10:00Z")
        body = {**schedule, "scheduleType": "HOUR", "version": 1}
        assert exports.org.client.put(f"/dataexports/schedules/{schedule['id']}", body).status == 200
        assert exports.tick("2026-01-15T18:15:00Z") == 0
        assert exports.tick("2026-01-15T19:00:00Z") == 1

    def test_a_run_that_was_due_before_a_change_is_made_as_the_schedule_was(self, exports: Exports) -> None:
        schedule = exports.schedule(scheduleType="HOUR", period=1)
        exports.work()
        for minute in ("02", "04"):  # the schedules are looked at every five minutes
            exports.org.clock.instant = from_text(f"2026-01-15T13:{minute}:00Z")
            body = exports.org.client.get(f"/dataexports/schedules/{schedule['id']}").json
            body |= {"scheduleType": "DAY", "name": minute}
            assert exports.org.client.put(f"/dataexports/schedules/{schedule['id']}", body).status == 200
        assert exports.tick("2026-01-15T13:05:00Z") == 0
        exports.work()
        jobs = exports.org.client.get("/dataexports/jobs", scheduleId=schedule["id"]).json["data"]
        assert sorted((one["dateCreated"], one["status"]) for one in jobs) == [
            ("2026-01-15T12:00:00.000000Z", "SUCCEEDED"),
            ("2026-01-15T13:00:00.000000Z", "SUCCEEDED"),
        ]

    def test_a_job_whose_message_was_lost_is_sent_again(self, exports: Exports) -> None:
        job_id = exports.ask(**ACCOUNTS)
        exports.org.exports.take()
        assert exports.tick("2026-01-15T12:15:00Z") == 0
        assert exports.tick("2026-01-15T12:20:00Z") == 1
        exports.work()
        assert exports.job(job_id)["status"] == "SUCCEEDED"

    def test_the_schedule_of_the_deployment_makes_them(self, exports: Exports) -> None:
        exports.schedule(scheduleType="MINUTE", period=15)
        raising = raising_of(exports.org, exports.world.bills)
        run = scheduler.handler(lambda: Scheduler(exports.world.stores, exports.org.exporting, raising))
        event = {"schedule": "ExportSchedule", "time": "2026-01-15T12:15:00Z"}
        assert run(event, Context()) == {"schedule": "ExportSchedule", "count": 1}


class TestDestinations:
    def test_files_go_to_every_destination_under_its_keys(self, exports: Exports) -> None:
        first = exports.org.make("dataExportDestination")
        second = exports.org.make("dataExportDestination", bucketName="other", prefix=None, partitionOrder="TYPE_FIRST")
        job_id = exports.export(**ACCOUNTS, destinationIds=[first["id"], second["id"]])
        name = f"date=2026-01-15/hour=12/type=account/{_file_id(exports)}_account.csv.gz"
        org = f"orgId={exports.org.id}"
        by_type = name.replace("date=2026-01-15/hour=12/type=account", "type=account/date=2026-01-15/hour=12")
        assert set(exports.targets.objects) == {f"data-lake/billing/{org}/{name}", f"other/{org}/{by_type}"}
        assert set(exports.targets.objects.values()) == {exports.download(job_id)}

    def test_a_destination_that_refuses_ends_the_job_with_an_event(self, exports: Exports) -> None:
        destination = exports.org.make("dataExportDestination")
        exports.targets.refusals = [InvalidInputError("the destination refuses the file: AccessDenied")]
        job_id = exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
        exports.work()
        assert exports.job(job_id)["status"] == "FAILED"
        [event] = exports.events.events()
        assert (event.name, event.type, event.detail["jobId"]) == (
            "dataexport.job.failure",
            "DataExportJobFailure",
            job_id,
        )
        assert "AccessDenied" in event.detail["message"]

    def test_a_fault_that_would_come_again_ends_the_job_at_once(
        self, exports: Exports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        logged: list[BaseException | None] = []
        monkeypatch.setattr(worker._logger, "exception", lambda *_: logged.append(sys.exception()))
        destination = exports.org.make("dataExportDestination")
        exports.targets.refusals = [fault := TypeError("secret inner workings")]
        job_id = exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
        exports.work()
        assert exports.job(job_id)["status"] == "FAILED"
        [event] = exports.events.events()
        assert "TypeError" in event.detail["message"]
        assert "secret" not in event.detail["message"]
        assert logged == [fault]

    def test_one_that_is_busy_is_met_later_and_gets_the_file(self, exports: Exports) -> None:
        destination = exports.org.make("dataExportDestination")
        job_id = exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
        exports.targets.refusals = [UnavailableError("busy") for _ in range(FAULTS_MAX - 1)]
        delays = exports.work()
        assert delays == [0, 15, 30, 60, 120, 240, 480, 900]
        assert exports.job(job_id)["status"] == "SUCCEEDED"
        assert len(exports.targets.objects) == 1

    def test_one_that_stays_busy_fails_the_job(self, exports: Exports) -> None:
        destination = exports.org.make("dataExportDestination")
        job_id = exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
        exports.targets.refusals = [UnavailableError("busy") for _ in range(FAULTS_MAX)]
        exports.work()
        assert exports.job(job_id)["status"] == "FAILED"
        [event] = exports.events.events()
        assert "did not answer" in event.detail["message"]

    @pytest.mark.parametrize("fault", [UnavailableError("busy"), TypeError("a fault of ours")])
    def test_a_worker_that_fails_after_another_succeeded_raises_no_event(
        self, exports: Exports, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        monkeypatch.setattr(worker._logger, "exception", lambda *_: None)
        job_id = exports.ask(**ACCOUNTS)
        messages, read = exports.org.exports.take(), worker.read_job
        fails = iter([True])

        def store(*_: Any) -> Any:
            monkeypatch.undo()
            raise fault

        def read_late(*arguments: Any) -> Any:
            """The job as it is while the worker decides that it failed; another ends it in between."""
            job = read(*arguments)
            if job and job.document["status"] == "RUNNING" and next(fails, False):
                exports.org.exports.send([message for message, _ in messages])
                exports.work()
            return job

        monkeypatch.setattr(exports.org.blobs, "put_stream", store)
        with pytest.MonkeyPatch.context() as late:
            late.setattr(worker, "read_job", read_late)
            exports.org.exports.send([message for message, _ in messages])
            exports.work(last_try=True)
        assert exports.job(job_id)["status"] == "SUCCEEDED"
        assert exports.events.events() == []

    def test_a_worker_that_died_before_its_event_is_made_up_for(
        self, exports: Exports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        destination = exports.org.make("dataExportDestination")
        exports.targets.refusals = [InvalidInputError("the destination refuses the file: AccessDenied")]
        job_id = exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
        with monkeypatch.context() as away:
            away.setattr(exports.events, "append", _dies)
            with pytest.raises(SystemExit):
                exports.work()
        assert (exports.job(job_id)["status"], exports.events.events()) == ("FAILED", [])
        for _ in range(2):
            exports.org.exports.send([{"orgId": exports.org.id, "jobId": job_id}])
            exports.work()
            [event] = exports.events.events()
            assert "AccessDenied" in event.detail["message"]

    def test_faults_are_counted_anew_after_a_file(self, exports: Exports) -> None:
        destination = exports.org.make("dataExportDestination")
        body = {**ACCOUNTS, "operationalDataTypes": ["ACCOUNTS", "METERS"], "destinationIds": [destination["id"]]}
        job_id = exports.ask(**body)
        exports.targets.refusals = [UnavailableError("busy"), UnavailableError("busy"), None, UnavailableError("busy")]
        assert exports.work() == [0, 15, 30, 15]
        assert exports.job(job_id)["status"] == "SUCCEEDED"

    def test_a_message_that_comes_again_changes_nothing(self, exports: Exports) -> None:
        job_id = exports.export(**ACCOUNTS)
        before = dict(exports.org.blobs.objects)
        exports.org.exports.send([{"orgId": exports.org.id, "jobId": job_id}] * 2)
        exports.work()
        assert exports.job(job_id)["version"] == 4
        assert exports.org.blobs.objects == before

    def test_the_worker_reports_what_it_could_not_finish(
        self, exports: Exports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        destination = exports.org.make("dataExportDestination")
        exports.ask(**ACCOUNTS, destinationIds=[destination["id"]])
        [(message, _)] = exports.org.exports.take()
        exports.targets.refusals = [UnavailableError("busy"), UnavailableError("busy")]
        handle = export_worker.handler(lambda: exports.bench)
        message = message | {"faults": 2}

        def event(count: int) -> dict[str, Any]:
            attributes = {"ApproximateReceiveCount": str(count)}
            record = {"messageId": "m", "body": json.dumps(message), "attributes": attributes, "eventSource": "aws:sqs"}
            return {"Records": [record]}

        assert handle(event(1), Context()) == {"batchItemFailures": []}
        assert exports.org.exports.take() == [({**message, "faults": 3}, 60)]
        with monkeypatch.context() as away:
            away.setattr(exports.org.store, "get", _away)
            assert handle(event(1), Context()) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
        assert handle(event(5), Context()) == {"batchItemFailures": []}
        assert exports.job(message["jobId"])["status"] == "FAILED"


def _dies(_: Any) -> None:
    raise SystemExit


def _away(*_: Any) -> Any:
    raise UnavailableError("the store is busy")


def _file_id(exports: Exports) -> str:
    [key] = [key for key in exports.org.blobs.objects if "/exports/" in key]
    return key.rpartition("/")[2].partition("_")[0]

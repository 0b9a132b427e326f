"""Files of measurements, from the URL to the last row (metering.md 2)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.events import FakeEventLog
from tests.fakes.organization import Organization
from tests.fakes.queue import FakeQueue
from tests.fakes.usage_log import FakeUsageLog
from usance.application.busy import FAULTS_MAX
from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import EVENT_NAME, FailureLog
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.ports import LookupPorts, LookupWorkbench
from usance.application.lookups.published import PublishedTables
from usance.application.ports.usage_log import AggregationQuery, UsageScope
from usance.application.uploads import rows
from usance.application.uploads.json_rows import json_values
from usance.application.uploads.ports import UploadWorkbench
from usance.application.uploads.process_upload import process_upload
from usance.application.uploads.rows import PART, batches
from usance.bootstrap.uploads import UploadWorker
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.domain.metering.submission import OF_REQUEST
from usance.entrypoints.queue import upload_worker
from usance.resources import wire

FILE = {"fileName": "january.json", "contentType": "application/json"}
FIELDS = [{"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"}]
CSV = {"contentType": "text/csv"}
UPLOADS = "/fileuploads/measurements"


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"meter": "calls", "account": "acme", "ts": "2026-01-02T00:00:00Z", "measure": {"tokens": number}, **more}


@dataclass
class World:
    """An organization with a meter, and a worker that time never presses."""

    org: Organization = field(default_factory=Organization)
    usage: FakeUsageLog = field(default_factory=FakeUsageLog)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        self.events = FakeEventLog(self.org.clock)
        self.blobs = self.org.blobs
        self.meter = self.org.make("meter", code="calls", dataFields=FIELDS, derivedFields=[])
        self.account = self.org.make("account", code="acme")

    def bench(self) -> UploadWorkbench:
        """As a new process has it."""
        store, clock = self.org.store, self.org.clock
        ports = IngestPorts(
            store, self.usage, FailureLog(self.events, self.blobs), self.blobs, clock, self.org.ids, FakeQueue()
        )
        return UploadWorkbench(ports, Directory(store, clock, PublishedTables(store, self.blobs, clock)), self.queue)

    def worker(self) -> UploadWorker:
        org = self.org
        lookups = LookupPorts(org.store, org.clock, org.ids, org.blobs)
        return UploadWorker(self.bench(), LookupWorkbench(lookups, self.queue))

    def uploaded(self, rows: Sequence[Any] | bytes, **more: str) -> str:
        """The job of a file that lies in the bucket."""
        content = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        made = self.org.client.post(f"{UPLOADS}/generateUploadUrl", {**FILE, **more, "contentLength": len(content)})
        assert made.status == 200, made.text
        self.key = self.blobs.upload(made.json["url"], content, made.json["headers"])
        return str(made.json["jobId"])

    def run(
        self,
        job_id: str,
        *,
        time_is_up: Callable[[], bool] = lambda: False,
        faults: int = 0,
        last_try: bool = False,
    ) -> str | None:
        return process_upload(
            self.bench(), self.org.id, job_id, time_is_up=time_is_up, faults=faults, last_try=last_try
        )

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.org.client.get(f"{UPLOADS}/jobs/{job_id}").json)

    def counts(self, job_id: str) -> tuple[str, int, int, int]:
        job = self.job(job_id)
        return job["status"], job["totalRows"], job["processedRows"], job["failedRows"]

    def total(self, account: str | None = None) -> Decimal | None:
        scope = UsageScope(self.org.id, self.meter["id"], account or self.account["id"])
        start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
        rows = self.usage.aggregate(scope, start, end, [AggregationQuery("SUM", "tokens")])[0]
        return rows[0].value if rows else None

    def failures(self) -> list[dict[str, Any]]:
        return [dict(event.detail) for event in self.events.events(EVENT_NAME)]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PART", OF_REQUEST)


def test_what_an_account_has_in_a_file_is_put_together_beyond_what_a_request_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PART", PART)
    job_id = world.uploaded([row(1) for _ in range(2_500)])
    assert world.run(job_id) == "succeeded"
    assert [len(batch.columns) for batch in world.usage.batches.values()] == [2_500]


class TestTables:
    """Measurements as CSV, of our own."""

    def test_a_table_is_read_as_its_header_says(self, world: World) -> None:
        template = world.org.client.get(f"/meters/{world.meter['id']}/csvtemplate").json
        assert template == {"fileName": "calls.csv", "content": "uid,meter,account,ts,measure.tokens\r\n"}
        table = template["content"] + "a,calls,acme,2026-01-02T00:00:00Z,0.10\r\nb,calls,acme,2026-01-03,5\r\n"
        job_id = world.uploaded(table.encode("utf-8-sig"), **CSV)
        assert world.run(job_id) == "succeeded"
        assert world.counts(job_id) == ("succeeded", 2, 1, 1)
        assert str(world.total()) == "0.1"
        [failure] = world.failures()
        assert "ts" in failure["message"]

    def test_a_row_that_is_wrong_keeps_no_other_out(self, world: World) -> None:
        rows = [
            "calls,acme,2026-01-02T00:00:00Z,1",
            'calls,"acme",2026-01-02T00:00:01Z,"2"',
            "calls,acme,2026-01-02T00:00:02Z",
            "calls,acme,2026-01-02T00:00:03Z,many",
            "calls,acme,2026-01-02T00:00:04Z,",
            "",
            "calls,acme,2026-01-02T00:00:05Z,4",
        ]
        job_id = world.uploaded("\n".join(["meter,account,ts,measure.tokens", *rows]).encode(), **CSV)
        assert world.run(job_id) == "succeeded"
        assert world.counts(job_id) == ("succeeded", 6, 3, 3)
        assert world.total() == 7
        assert sorted(failure["type"] for failure in world.failures()) == [
            "InvalidMeasurement",
            "InvalidMeasurement",
            "MissingField",
        ]

    @pytest.mark.parametrize(
        ("content", "named"),
        [
            (b"\n", "meter"),
            (b"meter,account,measure.tokens\n", "ts"),
            (b"meter,account,ts,tokens\n", "tokens"),
            (b"meter,account,ts,Measure.tokens\n", "Measure.tokens"),
            (b"meter,account,ts,ts\n", "twice"),
            (b"meter,account,ts\n\xff,a,b\n", "UTF-8"),
            (b"meter,account,ts\na,b,c\nZ\xfcrich,a,b\n", "UTF-8 in line 3"),
            (b"meter,account,ts\na,b,c\na,b,\xc3", "UTF-8 in line 3"),
            (b"meter;account;ts\na;b;c\n", "commas"),
            (b"meter\taccount\tts\na\tb\tc\n", "commas"),
            (b'meter,account,ts\n"a"b,c,d\n', "line 2"),
        ],
    )
    def test_what_is_no_table_fails_with_the_reason(self, world: World, content: bytes, named: str) -> None:
        job_id = world.uploaded(content, **CSV)
        assert world.run(job_id) == "failed"
        assert named in world.failures()[-1]["message"]

    def test_what_lies_before_a_line_of_another_encoding_is_ingested(self, world: World) -> None:
        row = "calls,acme,2026-01-02T00:00:00Z,4\n"
        job_id = world.uploaded(f"\ufeffmeter,account,ts,measure.tokens\n{row}{row}Z".encode() + b"\xfcrich,", **CSV)
        assert world.run(job_id) == "failed"
        assert (world.total(), world.counts(job_id)) == (8, ("failed", 2, 2, 0))
        assert "line 4" in world.job(job_id)["failureReason"]

    def test_every_character_that_is_no_line_feed_stays_in_its_cell(self, world: World) -> None:
        fields = [*FIELDS, {"category": "WHAT", "code": "text", "name": "Text"}]
        world.meter = world.org.make("meter", code="texts", dataFields=fields, derivedFields=[])
        texts = ["a\u2028b", "c\x0bd", 'say "x"', "line\nfeed", "größe,"]
        quoted = [text.replace('"', '""') for text in texts]
        rows = [f'texts,acme,2026-01-02T00:00:00Z,{at},"{text}"' for at, text in enumerate(quoted)]
        job_id = world.uploaded("\n".join(["meter,account,ts,measure.tokens,what.text", *rows]).encode(), **CSV)
        assert world.run(job_id) == "succeeded"
        stored = [text for batch in world.usage.batches.values() for text in batch.columns.texts["text"]]
        assert stored == texts

    def test_a_table_is_gone_on_with_where_it_was_left(self, world: World) -> None:
        rows = [f"calls,acme,2026-01-02T00:00:00Z,{number}" for number in range(2_500)]
        job_id = world.uploaded("\n".join(["meter,account,ts,measure.tokens", *rows]).encode(), **CSV)
        assert world.run(job_id, time_is_up=lambda: True) == "running"
        assert world.run(job_id) == "succeeded"
        assert world.counts(job_id) == ("succeeded", 2_500, 2_500, 0)
        assert world.total() == sum(range(2_500))


class TestUrls:
    def test_a_job_waits_for_its_file(self, world: World) -> None:
        made = world.org.client.post(f"{UPLOADS}/generateUploadUrl", {**FILE, "contentLength": 10}).json
        assert made["headers"] == {"Content-Type": "application/json"}
        assert "expires=60" in made["url"]
        assert world.counts(made["jobId"]) == ("notUploaded", 0, 0, 0)
        job = world.job(made["jobId"])
        assert (job["fileName"], job["contentLength"], job["version"]) == ("january.json", 10, 1)
        assert world.org.client.get(f"{UPLOADS}/jobs/{made['jobId']}/original").status == 404

    def test_the_file_is_downloaded_as_it_was_uploaded(self, world: World) -> None:
        job_id = world.uploaded(b" [ ] ")
        original = world.org.client.get(f"{UPLOADS}/jobs/{job_id}/original").json
        assert world.blobs.fetch(original["url"]) == (b" [ ] ", "january.json")
        assert original["jobId"] != job_id

    def test_jobs_are_listed_by_the_time_they_were_made(self, world: World) -> None:
        first = world.uploaded(b"[]")
        world.org.clock.instant = datetime(2026, 1, 16, tzinfo=UTC)
        second = world.uploaded(b"[]")

        def listed(**query: str) -> list[str]:
            return [job["id"] for job in world.org.client.get(f"{UPLOADS}/jobs", **query).json["data"]]

        assert listed() == [second, first]
        assert listed(dateCreatedStart="2026-01-16T00:00:00Z") == [second]
        assert listed(dateCreatedEnd="2026-01-16T00:00:00Z") == [first]
        assert listed(fileKey=f"{world.org.id}/uploads/{first}.upload") == [first]
        assert listed(fileKey="x") == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"fileName": ""},
            {"fileName": "x" * 101},
            {"contentType": "text/plain"},
            {"contentLength": 0},
            {"contentLength": 1_073_741_825},
        ],
    )
    def test_a_wrong_file_is_refused_by_name(self, world: World, wrong: dict[str, Any]) -> None:
        refused = world.org.client.post(f"{UPLOADS}/generateUploadUrl", {**FILE, "contentLength": 1, **wrong})
        assert refused.status == 400
        assert next(iter(wrong)) in refused.message


class TestRows:
    def test_every_row_counts_once_however_often_the_message_comes(self, world: World) -> None:
        job_id = world.uploaded([row(1), row(2, uid="own"), row(3), row(3)])
        assert world.run(job_id) == "succeeded"
        assert world.run(job_id) == "succeeded"
        assert world.total() == 9
        assert world.counts(job_id) == ("succeeded", 4, 4, 0)

    def test_digits_are_kept(self, world: World) -> None:
        content = json.dumps([row(0)]).replace('"tokens": 0', '"tokens": 0.1000000000000000000000000000000000001')
        world.run(world.uploaded(content.encode()))
        assert world.total() == Decimal("0.1000000000000000000000000000000000001")

    @pytest.mark.parametrize("number", ["1e99999999999999999999", "1e99999", "-1e-99999999999999999999", "7" * 5_000])
    def test_a_number_that_nothing_can_hold_keeps_out_its_row_alone(self, world: World, number: str) -> None:
        content = json.dumps([row(1), row(0), row(2)]).replace('"tokens": 0', f'"tokens": {number}')
        job_id = world.uploaded(content.encode())
        assert world.run(job_id) == "succeeded"
        assert (world.total(), world.counts(job_id)) == (3, ("succeeded", 3, 2, 1))
        [failure] = world.failures()
        assert failure["message"].startswith("rows[1].measure.tokens")

    @pytest.mark.parametrize("number", ["1e99999999999999999999", "1e99999", "7" * 5_000])
    def test_so_it_does_in_a_table(self, world: World, number: str) -> None:
        rows = [f"calls,acme,2026-01-02T00:00:00Z,{number}" for number in (1, number, 2)]
        job_id = world.uploaded("\n".join(["meter,account,ts,measure.tokens", *rows]).encode(), **CSV)
        assert world.run(job_id) == "succeeded"
        assert (world.total(), world.counts(job_id)) == (3, ("succeeded", 3, 2, 1))

    @pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb\xbf \n", b" \xef\xbb\xbf"])
    def test_a_byte_order_mark_is_no_part_of_the_array(self, world: World, mark: bytes) -> None:
        job_id = world.uploaded(mark + json.dumps([row(1)]).encode())
        assert world.run(job_id) == "succeeded"
        assert world.total() == 1

    def test_unknown_accounts_are_made_as_by_a_request(self, world: World) -> None:
        world.run(world.uploaded([row(5, account="new")]))
        [account] = world.org.client.get("/accounts", codes="new").json["data"]
        assert world.total(account["id"]) == 5
        assert account["createdBy"] == world.job(world.uploaded(b"[]"))["createdBy"]

    def test_bad_rows_are_kept_out_one_by_one(self, world: World) -> None:
        bad = [
            row(10, ts="2026-01-15T12:02:00Z"),  # in the future
            {"meter": "calls"},
            7,
            row(20, meter="unknown"),
            row(0, measure={}),
            row(30, metadata={"x": "y" * 257}),
        ]
        job_id = world.uploaded([row(1), *bad, row(2)])
        assert world.run(job_id) == "succeeded"
        assert world.total() == 3
        assert world.counts(job_id) == ("succeeded", 8, 2, 6)
        types = sorted(failure["type"] for failure in world.failures())
        assert types == ["InvalidMeasurement"] * 4 + ["MissingField", "UndefinedMeter"]
        [future] = [event for event in world.events.events(EVENT_NAME) if "future" in event.detail["message"]]
        assert json.loads(future.attachment or b"")["measurement"]["measure"] == {"tokens": 10}

    def test_every_bad_row_of_every_file_has_an_event_that_names_it(self, world: World) -> None:
        content = [{"meter": "calls"}, row(1), {"meter": "calls"}, row(2, other={"x": "y" * 600_000})]
        first = world.uploaded(content)
        for _ in range(2):
            world.run(first)
        named = ["rows[0].account is required", "rows[2].account is required", "rows[3]: a measurement of"]
        assert [text in failure["message"] for failure, text in zip(self.by_row(world), named, strict=True)] == [
            True
        ] * 3
        world.run(world.uploaded(content))
        assert len(self.by_row(world)) == 6

    def by_row(self, world: World) -> list[dict[str, Any]]:
        return sorted(world.failures(), key=lambda failure: failure["message"])

    def test_bad_rows_do_not_wait_for_each_other(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A part of a file may be nothing else, and must end before its worker does."""
        job_id = world.uploaded([{"meter": f"{number}"} for number in range(4)])
        together, put = Barrier(2, timeout=5), world.blobs.put

        def put_beside_another(key: str, body: bytes, content_type: str) -> None:
            together.wait()
            put(key, body, content_type)

        monkeypatch.setattr(world.blobs, "put", put_beside_another)
        assert world.run(job_id) == "succeeded"
        assert world.counts(job_id) == ("succeeded", 4, 0, 4)
        assert len(world.failures()) == 4

    @pytest.mark.parametrize(
        ("content", "read"),
        [
            (b"  ", 0),
            (b"{}", 0),
            (b'{"measurements": []}', 0),
            (b"[", 0),
            (b"\xff\xfe", 0),
            (b"\xef\xbb", 0),
            (b"\xef\xbb\xbf", 0),
            (b"\xef\xbb\xbf{}", 0),
            (b'[%s, {"a": 1e99999999999999999999, "b": "\xff"}]' % json.dumps(row(1)).encode(), 1),
            (b'[%s, {"a": 1e99999999999999999999,}]' % json.dumps(row(1)).encode(), 1),
            (b"[%s, {]" % json.dumps(row(1)).encode(), 1),
            (b"[%s] x" % json.dumps(row(1)).encode(), 1),
        ],
    )
    def test_a_file_that_is_no_array_fails_its_job_and_says_why(self, world: World, content: bytes, read: int) -> None:
        job_id = world.uploaded(content)
        assert world.run(job_id) == "failed"
        assert world.job(job_id)["totalRows"] == read
        assert (world.total() or 0) == read
        [failure] = world.failures()
        assert "the file" in failure["message"]
        assert world.job(job_id)["failureReason"] == failure["message"]
        assert world.run(job_id) == "failed"

    def test_an_empty_array_succeeds(self, world: World) -> None:
        job_id = world.uploaded(b"\n[\n]\n")
        assert world.run(job_id) == "succeeded"
        assert world.counts(job_id) == ("succeeded", 0, 0, 0)

    def test_batches_hold_a_thousand_rows_and_are_cut_alike_each_time(self) -> None:
        content = json.dumps([row(number) for number in range(2_500)]).encode()
        whole = list(batches(BytesIO(content), "job", 0))
        assert [(batch.first, len(batch.rows)) for batch in whole] == [(0, 1000), (1000, 1000), (2000, 500)]
        assert list(batches(BytesIO(content), "job", 1000)) == whole[1:]

    def test_large_rows_are_fewer_in_a_batch(self) -> None:
        content = json.dumps([row(1, other={"x": "y" * 1000}) for _ in range(1000)]).encode()
        found = list(batches(BytesIO(content), "job", 0))
        assert sum(len(batch.rows) for batch in found) == 1000
        assert all(len(batch.body()) <= 512_000 for batch in found)
        assert len(found) == 3

    def test_a_row_that_no_request_could_carry_is_kept_out(self, world: World) -> None:
        job_id = world.uploaded([row(1), row(2, other={"x": "y" * 600_000}), row(4)])
        assert world.run(job_id) == "succeeded"
        assert (world.total(), world.counts(job_id)) == (5, ("succeeded", 3, 2, 1))


class TestInterruptions:
    def test_a_worker_that_runs_out_of_time_goes_on_where_it_was(self, world: World) -> None:
        job_id = world.uploaded([row(1) for _ in range(2_500)])
        assert world.run(job_id, time_is_up=lambda: True) == "running"
        assert world.counts(job_id) == ("running", 1000, 1000, 0)
        [(message, _)] = world.queue.take()
        assert message == {"kind": "continue", "orgId": world.org.id, "jobId": job_id}
        assert world.run(job_id) == "succeeded"
        assert (world.total(), world.counts(job_id)) == (2_500, ("succeeded", 2500, 2500, 0))

    def fail_when(self, world: World, fault: Exception, *calls: bool) -> None:
        """Let the store of usage raise `fault` at those calls that are true; it takes what comes after."""
        store, remaining = FakeUsageLog.append, iter(calls)

        def sometimes(given: Any) -> None:
            if next(remaining, False):
                raise fault
            store(world.usage, given)

        world.usage.append = sometimes  # type: ignore[method-assign]

    def test_a_store_that_is_busy_is_met_later_and_nothing_counts_twice(self, world: World) -> None:
        job_id = world.uploaded([row(1) for _ in range(2_500)])
        self.fail_when(world, UnavailableError("the store is busy"), True, True, False, True, False, True)
        delays, faults = [], 0
        while world.run(job_id, faults=faults) == "running":
            [(message, delay)] = world.queue.take()
            faults = message["faults"]
            delays.append(delay)
        assert delays == [15, 30, 15, 15]
        assert (world.total(), world.counts(job_id)) == (2_500, ("succeeded", 2500, 2500, 0))

    def test_a_store_that_stays_busy_fails_the_job(self, world: World) -> None:
        job_id = world.uploaded([row(1) for _ in range(2_500)])
        self.fail_when(world, UnavailableError("the store is busy"), False, *[True] * FAULTS_MAX)
        for faults in range(FAULTS_MAX):
            status = world.run(job_id, faults=faults)
        assert (status, world.counts(job_id)) == ("failed", ("failed", 1000, 1000, 0))
        [failure] = world.failures()
        assert "totalRows" in failure["message"]

    def test_a_job_that_cannot_be_read_keeps_its_counts_when_it_is_given_up(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id = world.uploaded([row(1) for _ in range(2_500)])
        world.run(job_id, time_is_up=lambda: True)
        get, calls = world.org.store.get, iter([True])

        def busy_once(*arguments: Any) -> Any:
            if next(calls, False):
                raise UnavailableError("the store is busy")
            return get(*arguments)

        monkeypatch.setattr(world.org.store, "get", busy_once)
        assert world.run(job_id, faults=FAULTS_MAX - 1) == "failed"
        assert world.counts(job_id) == ("failed", 1000, 1000, 0)

    @pytest.mark.parametrize("fault", [UnavailableError("the store is busy"), OverflowError("a fault of ours")])
    def test_the_last_try_fails_the_job(self, world: World, fault: Exception) -> None:
        job_id = world.uploaded([row(1) for _ in range(2_500)])
        self.fail_when(world, fault, False, True)
        assert world.run(job_id, last_try=True) == "failed"
        assert world.counts(job_id) == ("failed", 1000, 1000, 0)
        assert world.total() == 1_000
        assert world.run(job_id) == "failed"

    def test_a_fault_of_ours_raises(self, world: World) -> None:
        job_id = world.uploaded([row(1)])
        self.fail_when(world, OverflowError("a fault of ours"), True)
        with pytest.raises(OverflowError):
            world.run(job_id)
        assert world.job(job_id)["status"] == "running"
        assert world.run(job_id) == "succeeded"

    def test_a_file_that_is_gone_fails_its_job(self, world: World) -> None:
        job_id = world.uploaded([row(1)])
        world.blobs.delete([world.key])
        assert world.run(job_id) == "failed"
        [failure] = world.failures()
        assert "there is no document" in failure["message"]

    def test_a_job_that_is_gone_is_left(self, world: World) -> None:
        assert world.run("0190a5d0-ac96-774b-bcce-b302099a8057") is None

    def test_a_worker_that_was_overtaken_undoes_nothing(self, world: World) -> None:
        job_id = world.uploaded([row(1) for _ in range(2_500)])
        overtaken = iter([False, True, False])

        def overtake() -> bool:
            if not next(overtaken, True):
                world.run(job_id)
            return True

        world.run(job_id, time_is_up=overtake)
        assert world.counts(job_id) == ("succeeded", 2500, 2500, 0)
        assert world.total() == 2_500

    @pytest.mark.parametrize("fault", [OverflowError("a fault of ours"), UnavailableError("busy")])
    def test_a_worker_that_fails_after_another_succeeded_raises_no_event(self, world: World, fault: Exception) -> None:
        job_id = world.uploaded([row(1)])
        take = FakeUsageLog.append

        def slow(given: Any) -> None:
            world.usage.append = lambda batches: take(world.usage, batches)  # type: ignore[method-assign]
            assert world.run(job_id) == "succeeded"
            take(world.usage, given)
            raise fault

        world.usage.append = slow  # type: ignore[method-assign]
        assert world.run(job_id, last_try=True) == "succeeded"
        assert world.counts(job_id) == ("succeeded", 1, 1, 0)
        assert "failureReason" not in world.job(job_id)
        assert world.failures() == []

    def test_a_worker_that_died_before_its_event_is_made_up_for(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id = world.uploaded(b"{")
        with monkeypatch.context() as away:
            away.setattr(world.events, "append", _dies)
            with pytest.raises(SystemExit):
                world.run(job_id)
        assert (world.job(job_id)["status"], world.failures()) == ("failed", [])
        for _ in range(2):
            assert world.run(job_id) == "failed"
            assert [failure["message"] for failure in world.failures()] == [world.job(job_id)["failureReason"]]


def _dies(_: Any) -> None:
    raise SystemExit


def test_a_file_of_a_lookup_table_is_gone_on_with_after_seconds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    revision = world.org.shared("lookupTableRevision")
    body = {"fileName": "rates", "contentType": "application/jsonl", "contentLength": 2}
    data = f"/lookuptables/{revision['lookupTableId']}/revisions/{revision['id']}/data"
    made = world.org.client.post(f"{data}/generateuploadurl", body).json
    key = world.blobs.upload(made["url"], b"{}", made["headers"])
    context = type("Context", (), {"get_remaining_time_in_millis": lambda _: 900_000})()
    handle = upload_worker.handler(world.worker)
    with monkeypatch.context() as away:
        away.setattr(world.blobs, "get", _busy)
        assert handle(event(created(key)), context) == {"batchItemFailures": []}
        [(message, delay)] = world.queue.take()
        assert (delay, message["faults"]) == (15, 1)
        assert handle(event(message), context) == {"batchItemFailures": []}
        [(message, delay)] = world.queue.take()
        assert (delay, message["faults"]) == (30, 2)
    assert handle(event(message), context) == {"batchItemFailures": []}
    job = world.org.client.get(f"{data}/jobs/{made['jobId']}").json
    assert (job["status"], "line 1" in job["failureReason"]) == ("FAILED", True)


def _busy(_: Any) -> Any:
    raise UnavailableError("the store is busy")


def test_the_worker_reads_the_files_that_the_bucket_names(world: World) -> None:
    job_id = world.uploaded([row(4)])
    context = type("Context", (), {"get_remaining_time_in_millis": lambda _: 900_000})()
    handle = upload_worker.handler(world.worker)
    assert handle(event({"Event": "s3:TestEvent"}), context) == {"batchItemFailures": []}
    assert handle(event(created(f"{world.org.id}/statements/x.upload")), context) == {"batchItemFailures": []}
    assert handle(event(created(world.key)), context) == {"batchItemFailures": []}
    assert world.counts(job_id) == ("succeeded", 1, 1, 0)
    again = world.uploaded([row(8)])
    assert handle(event({"kind": "continue", "orgId": world.org.id, "jobId": again}), context) == {
        "batchItemFailures": []
    }
    assert world.total() == 12


def test_the_worker_reports_a_message_that_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = world.uploaded([row(4)])
    context = type("Context", (), {"get_remaining_time_in_millis": lambda _: 900_000})()
    world.usage.failures = 1
    handle = upload_worker.handler(world.worker)
    message = {"kind": "continue", "orgId": world.org.id, "jobId": job_id, "faults": 1}
    assert handle(event(message), context) == {"batchItemFailures": []}
    assert world.queue.take() == [({**message, "faults": 2}, 30)]

    def broken(_given: Any) -> None:
        raise OverflowError

    monkeypatch.setattr(world.usage, "append", broken)
    assert handle(event(created(world.key)), context) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_the_worker_gives_up_a_message_that_came_often(world: World) -> None:
    job_id = world.uploaded([row(4)])
    world.usage.failures = 1
    context = type("Context", (), {"get_remaining_time_in_millis": lambda _: 900_000})()
    answer = upload_worker.handler(world.worker)(event(created(world.key), tries=upload_worker.TRIES_MAX), context)
    assert answer == {"batchItemFailures": []}
    assert world.job(job_id)["status"] == "failed"


def created(key: str) -> dict[str, Any]:
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}}]}


def event(body: Any, tries: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(tries)}
    record = {"messageId": "1", "body": json.dumps(body), "eventSource": "aws:sqs", "attributes": attributes}
    return {"Records": [record]}


class Endless:
    """A file of any length, and how much of it was read."""

    def __init__(self, head: bytes, filler: bytes) -> None:
        self._head, self._filler = head, filler
        self.read_bytes = 0

    def read(self, size: int) -> bytes:
        content = self._head or self._filler * (size // len(self._filler))
        self._head = b""
        self.read_bytes += len(content)
        assert self.read_bytes < 4_000_000, "more is kept than a row may have"
        return content


@pytest.mark.parametrize(
    ("head", "filler"),
    [
        (b'[{"a":"', b"x"),
        (b'[{"a":"', b'\\"'),
        (b"[", b"["),
        (b"[", b'{"a":'),
        (b"[{", b'"a":1,'),
        (b"[1", b"1"),
        (b"[1", b" "),
    ],
)
def test_a_row_without_an_end_is_not_read_to_it(head: bytes, filler: bytes) -> None:
    with pytest.raises(InvalidInputError, match="row 0"):
        list(batches(Endless(head, filler), "job", 0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "filler"), [(b"", b"x"), (b'meter,account,ts\n"', b"x\n"), (b"meter,account,ts\n", b'"x\n",')]
)
def test_a_row_of_a_table_without_an_end_is_not_read_to_it(head: bytes, filler: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"row of more than|field larger"):
        list(batches(Endless(head, filler), "job", 0, "text/csv"))  # type: ignore[arg-type]


@pytest.mark.parametrize("depth", [40, 2_000, 200_000])
def test_a_row_that_nests_too_deep_fails_its_job(world: World, depth: int) -> None:
    deep = b'{"meter":"calls","other":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    job_id = world.uploaded(b"[" + json.dumps(row(1)).encode() + b"," + deep + b"]")
    assert world.run(job_id) == "failed"
    assert world.counts(job_id) == ("failed", 1, 1, 0)
    assert "row 1 nests deeper" in world.failures()[-1]["message"]


def test_the_rows_before_one_without_an_end_are_ingested(world: World) -> None:
    job_id = world.uploaded(json.dumps([row(1), row(2)]).encode()[:-1] + b"," + b"[" * 200_000)
    assert world.run(job_id) == "failed"
    assert world.counts(job_id) == ("failed", 2, 2, 0)
    assert "row 2 nests deeper than 32 levels" in world.failures()[-1]["message"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6), st.sampled_from([None, 1]), st.booleans(), st.integers(1, 9))
def test_an_array_is_cut_into_its_values_wherever_the_reads_end(
    values: list[Any], indent: int | None, ascii_only: bool, size: int
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    expected = json.loads(text)
    malformed: list[InvalidInputError] = []
    for mark in (b"", b"\xef\xbb\xbf"):
        content = mark + b" \n" + text + b"\t "
        assert list(json_values(Slow(content, size), malformed)) == expected  # type: ignore[arg-type]
    assert malformed == []


@given(st.lists(JSON, min_size=1, max_size=4), st.data())
def test_what_json_does_not_know_is_told(values: list[Any], data: st.DataObject) -> None:
    text = json.dumps(values).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from([b"", b",", b"]", b"}", b"[", b'"', b"\\", b"x"])) + text[at + 1 :]
    malformed: list[InvalidInputError] = []
    found = list(json_values(Slow(changed, 5), malformed))  # type: ignore[arg-type]
    try:
        known = wire.loads(changed)
    except InvalidInputError:
        known = None
    assert (malformed == []) == isinstance(known, list)
    assert not isinstance(known, list) or found == known


class Slow(BytesIO):
    """Gives `size` bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(self._size)


def test_a_stream_that_ends_early_is_no_file() -> None:
    with pytest.raises(InvalidInputError, match="valid JSON"):
        list(batches(BytesIO(b'[{"meter": "calls"'), "job", 0))

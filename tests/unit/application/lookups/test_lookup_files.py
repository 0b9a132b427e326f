"""Copies and files of the items of a revision (metering.md 9.2)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.application.lookups.test_lookup_tables import FIELDS, Tables
from usance.application.busy import FAULTS_MAX
from usance.application.lookups.files import CSV, JSONL, from_file, to_file
from usance.application.lookups.ports import LookupPorts, LookupWorkbench
from usance.application.lookups.upload_data import process_lookup_upload
from usance.application.uploaded_files import parsed_key
from usance.domain.kernel.errors import UnavailableError

SCHEMA = {"id": "x", "fields": FIELDS, "keys": ["country", "level"]}


@pytest.fixture
def tables() -> Tables:
    tables = Tables()
    tables.put(("UK", 1, Decimal("0.80")), ("DE", 2, 3))
    return tables


def job(tables: Tables, job_id: str, data: str = "") -> dict[str, Any]:
    return tables.ok(tables.org.client.get(f"{data or tables.data}/jobs/{job_id}"))


class TestCopies:
    def test_a_copy_without_a_target_is_a_new_draft(self, tables: Tables) -> None:
        tables.move("PUBLISHED")
        made = tables.ok(tables.org.client.post(f"{tables.data}/copy", {}))
        copy = tables.ok(tables.org.client.get(f"{tables.path}/revisions/{made['revisionId']}"))
        assert (copy["name"], copy["status"], copy["itemCount"], copy["keys"]) == (
            "First Copy",
            "DRAFT",
            2,
            ["country", "level"],
        )
        data = f"{tables.path}/revisions/{copy['id']}/data"
        assert tables.ok(tables.org.client.get(data))["items"] == tables.items()
        done = job(tables, made["jobId"])
        assert (done["type"], done["status"], done["destinationLookupTableRevisionId"]) == (
            "COPY",
            "SUCCEEDED",
            copy["id"],
        )
        tables.ok(tables.put(("UK", 1, 9), version=1, data=data))
        assert [item["rate"] for item in tables.items()] == [3, Decimal("0.80")]

    def test_a_copy_replaces_what_the_target_has(self, tables: Tables) -> None:
        target = tables.revision(name="Target", fields=FIELDS[::-1])
        data = f"{tables.path}/revisions/{target['id']}/data"
        tables.ok(tables.put(("FR", 9, 9), data=data))
        tables.ok(tables.org.client.post(f"{tables.data}/copy", {"revisionId": target["id"]}))
        read = tables.ok(tables.org.client.get(data))
        assert ([item["country"] for item in read["items"]], read["version"]) == (["DE", "UK"], 2)

    def test_an_empty_revision_is_copied_empty(self, tables: Tables) -> None:
        tables.ok(tables.org.client.delete(tables.data))
        made = tables.ok(tables.org.client.post(f"{tables.data}/copy"))
        assert tables.ok(tables.org.client.get(f"{tables.path}/revisions/{made['revisionId']}"))["itemCount"] == 0

    def test_a_target_must_be_another_draft_with_the_same_schema(self, tables: Tables) -> None:
        other = tables.revision(keys=["country"])
        published = tables.revision()
        tables.move("PUBLISHED", published)
        elsewhere = "0190a5d0-ac96-774b-bcce-b302099a8057"
        for target in (other["id"], published["id"], tables.draft["id"], elsewhere):
            refused = tables.org.client.post(f"{tables.data}/copy", {"revisionId": target})
            assert refused.status == 400, target
        assert tables.org.client.get(f"{tables.data}/jobs").json["data"] == []


class TestDownloads:
    @pytest.mark.parametrize(
        ("content_type", "text"),
        [
            ("text/csv", "country,level,rate\r\nDE,2,3\r\nUK,1,0.80\r\n"),
            (
                "application/jsonl",
                '{"country":"DE","level":2,"rate":3}\n{"country":"UK","level":1,"rate":0.80}\n',
            ),
        ],
    )
    def test_a_file_is_on_its_job(self, tables: Tables, content_type: str, text: str) -> None:
        made = tables.ok(tables.org.client.post(f"{tables.data}/jobs/download", {"contentType": content_type}))
        done = job(tables, made["jobId"])
        assert (done["type"], done["status"]) == ("DOWNLOAD", "SUCCEEDED")
        assert tables.org.blobs.fetch(done["downloadUrl"])[0].decode() == text
        assert done["downloadUrlExpiry"].startswith("2026-01-15T13:00:00")
        listed = tables.org.client.get(f"{tables.data}/jobs").json["data"]
        assert [one["id"] for one in listed] == [made["jobId"]]

    def test_only_an_archived_revision_is_downloaded_as_such(self, tables: Tables) -> None:
        refused = tables.org.client.post(f"{tables.data}/archived", {"contentType": "text/csv"})
        assert (refused.status, "ARCHIVED" in refused.message) == (400, True)
        tables.move("ARCHIVED")
        answer = tables.ok(tables.org.client.post(f"{tables.data}/archived", {"contentType": "text/csv"}))
        assert b"UK,1,0.80" in tables.org.blobs.fetch(answer["url"])[0]
        assert "expiry" in answer

    def test_a_job_is_deleted_with_its_file(self, tables: Tables) -> None:
        made = tables.ok(tables.org.client.post(f"{tables.data}/jobs/download", {"contentType": "text/csv"}))
        one = f"{tables.data}/jobs/{made['jobId']}"
        assert tables.ok(tables.org.client.delete(one))["id"] == made["jobId"]
        assert tables.org.client.get(one).status == 404
        assert not [key for key in tables.org.blobs.objects if "lookup-files" in key]

    def test_jobs_and_files_go_with_their_revision(self, tables: Tables) -> None:
        for _ in range(30):
            tables.org.client.post(f"{tables.data}/jobs/download", {"contentType": "text/csv"})
        tables.ok(tables.org.client.delete(f"{tables.path}/revisions/{tables.draft['id']}"))
        assert tables.org.blobs.objects == {}

    @pytest.mark.parametrize("body", [{}, {"contentType": "text/html"}])
    def test_a_file_has_one_of_two_formats(self, tables: Tables, body: dict[str, Any]) -> None:
        refused = tables.org.client.post(f"{tables.data}/jobs/download", body)
        assert (refused.status, "contentType" in refused.message) == (400, True)


class TestUploads:
    def upload(self, tables: Tables, content: bytes, content_type: str = "text/csv", **more: Any) -> str:
        """The job of a file that lies in the bucket."""
        body = {"fileName": "rates", "contentType": content_type, "contentLength": len(content), **more}
        made = tables.ok(tables.org.client.post(f"{tables.data}/generateuploadurl", body))
        key = tables.org.blobs.upload(made["url"], content, made["headers"])
        assert parsed_key(key) == ("uploads/lookups", tables.org.id, made["jobId"])
        return str(made["jobId"])

    def process(self, tables: Tables, job_id: str, *, faults: int = 0, last_try: bool = False) -> str | None:
        org = tables.org
        bench = LookupWorkbench(LookupPorts(org.store, org.clock, org.ids, org.blobs), tables.queue)
        return process_lookup_upload(bench, org.id, job_id, faults=faults, last_try=last_try)

    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            (b"\xef\xbb\xbfrate,level,country\r\n0.10,1,UK\r\n5, 7 ,FR\r\n\r\n", "text/csv"),
            (
                b'{"country":"UK","level":1,"rate":0.10}\n\n{"country":"FR","level":7,"rate":5}',
                "application/jsonl",
            ),
        ],
    )
    def test_items_are_added_and_replaced(self, tables: Tables, content: bytes, content_type: str) -> None:
        job_id = self.upload(tables, content, content_type)
        assert job(tables, job_id)["status"] == "PENDING"
        assert self.process(tables, job_id) == "SUCCEEDED"
        assert [(item["country"], str(item["rate"])) for item in tables.items()] == [
            ("DE", "3"),
            ("FR", "5"),
            ("UK", "0.10"),
        ]
        assert self.process(tables, job_id) == "SUCCEEDED"
        assert tables.ok(tables.org.client.get(tables.data))["version"] == 2

    @pytest.mark.parametrize(
        ("content", "content_type", "reason"),
        [
            (b"country,level\r\nUK,1\r\n", "text/csv", "line 2.rate is required"),
            (b"country,level,rate\r\nUK,1\r\n", "text/csv", "line 2 has 2 values"),
            (b"country,level,rate\r\nUK,1,high\r\n", "text/csv", "line 2.rate"),
            (b"country,level,rate\r\nUK,1,1\r\nUK,1.0,2\r\n", "text/csv", "line 3"),
            (b'country,level,rate\r\n"UK,1,1\r\n', "text/csv", "line"),
            (b"\xff", "text/csv", "UTF-8"),
            (b"{}\nx", "application/jsonl", "line 1.country"),
            (b'{"country":"UK","level":1,"rate":0.10}\nx', "application/jsonl", "line 2"),
            (b"[1]", "application/jsonl", "line 1"),
        ],
    )
    def test_a_wrong_line_keeps_all_out_and_is_named(
        self, tables: Tables, content: bytes, content_type: str, reason: str
    ) -> None:
        before = tables.items()
        job_id = self.upload(tables, content, content_type)
        assert self.process(tables, job_id) == "FAILED"
        assert reason in job(tables, job_id)["failureReason"]
        assert tables.items() == before

    def test_a_version_that_was_asked_for_must_hold(self, tables: Tables) -> None:
        content = b"country,level,rate\r\nUK,1,5\r\n"
        stale, right = self.upload(tables, content, version=7), self.upload(tables, content, version=1)
        assert self.process(tables, stale) == "FAILED"
        assert self.process(tables, right) == "SUCCEEDED"

    def test_a_worker_that_died_before_it_said_so_is_not_held_against_the_job(
        self, tables: Tables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n", version=1)
        commit, calls = tables.org.store.commit, iter([True, False])

        def dies(*arguments: Any) -> None:
            if not next(calls, True):
                raise UnavailableError("the store is busy")
            commit(*arguments)

        monkeypatch.setattr(tables.org.store, "commit", dies)
        assert self.process(tables, job_id) == "PENDING"
        assert self.process(tables, job_id) == "SUCCEEDED"
        assert tables.ok(tables.org.client.get(tables.data))["version"] == 2

    def fail_when(self, tables: Tables, monkeypatch: pytest.MonkeyPatch, fault: Exception, *calls: bool) -> None:
        """Let the bucket raise `fault` at those of its reads that are true; it answers what comes after."""
        get, remaining = tables.org.blobs.get, iter(calls)

        def sometimes(key: str) -> bytes:
            if next(remaining, False):
                raise fault
            return get(key)

        monkeypatch.setattr(tables.org.blobs, "get", sometimes)

    def test_a_store_that_is_busy_is_met_after_seconds(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n")
        self.fail_when(tables, monkeypatch, UnavailableError("the store is busy"), True, True)
        assert self.process(tables, job_id) == "PENDING"
        message = {"kind": "continue", "folder": "uploads/lookups", "orgId": tables.org.id, "jobId": job_id}
        assert tables.queue.take() == [({**message, "faults": 1}, 15)]
        assert self.process(tables, job_id, faults=1) == "PENDING"
        assert tables.queue.take() == [({**message, "faults": 2}, 30)]
        assert self.process(tables, job_id, faults=2) == "SUCCEEDED"
        assert tables.queue.take() == []

    def test_a_store_that_stays_busy_fails_the_job(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n")
        self.fail_when(tables, monkeypatch, UnavailableError("the store is busy"), *[True] * FAULTS_MAX)
        statuses = [self.process(tables, job_id, faults=faults) for faults in range(FAULTS_MAX)]
        assert statuses == ["PENDING"] * (FAULTS_MAX - 1) + ["FAILED"]
        assert "however often" in job(tables, job_id)["failureReason"]
        assert self.process(tables, job_id) == "FAILED"

    @pytest.mark.parametrize("fault", [UnavailableError("the store is busy"), OverflowError("a fault of ours")])
    def test_the_last_try_fails_the_job(
        self, tables: Tables, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n", version=1)
        self.fail_when(tables, monkeypatch, fault, True)
        assert self.process(tables, job_id, last_try=True) == "FAILED"
        assert "however often" in job(tables, job_id)["failureReason"]

    def test_a_fault_of_ours_raises(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n", version=1)
        self.fail_when(tables, monkeypatch, OverflowError("a fault of ours"), True)
        with pytest.raises(OverflowError):
            self.process(tables, job_id)
        assert job(tables, job_id)["status"] == "PENDING"

    def test_only_a_draft_takes_a_file(self, tables: Tables) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n")
        tables.move("PUBLISHED")
        assert self.process(tables, job_id) == "FAILED"
        assert "DRAFT" in job(tables, job_id)["failureReason"]
        body = {"fileName": "rates", "contentType": "text/csv", "contentLength": 1}
        assert tables.org.client.post(f"{tables.data}/generateuploadurl", body).status == 400

    def test_a_file_of_a_deleted_job_is_not_read(self, tables: Tables) -> None:
        job_id = self.upload(tables, b"country,level,rate\r\nUK,1,5\r\n")
        tables.ok(tables.org.client.delete(f"{tables.data}/jobs/{job_id}"))
        assert self.process(tables, job_id) is None

    @pytest.mark.parametrize(
        "wrong", [{"fileName": ""}, {"contentType": "application/json"}, {"contentLength": 104_857_601}]
    )
    def test_a_wrong_file_is_refused_by_name(self, tables: Tables, wrong: dict[str, Any]) -> None:
        body = {"fileName": "rates", "contentType": "text/csv", "contentLength": 1, **wrong}
        refused = tables.org.client.post(f"{tables.data}/generateuploadurl", body)
        assert (refused.status, next(iter(wrong)) in refused.message) == (400, True)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-10_000, max_value=10_000)


@given(st.lists(st.tuples(texts, numbers, numbers), max_size=5), st.sampled_from([CSV, JSONL]))
def test_a_file_that_was_made_is_read_as_it_was(rows: list[tuple[str, Decimal, Decimal]], content_type: str) -> None:
    items = [{"country": country, "level": level, "rate": rate} for country, level, rate in rows]
    read = [item for _, item in from_file(SCHEMA, to_file(SCHEMA, items, content_type), content_type)]
    assert read == items

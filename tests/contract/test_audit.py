"""The counting proof on the stores it reads: clean after everything that may happen, and naming whatever is corrupted."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.stores import StoreTarget
from tests.fakes.events import FakeEventLog
from tests.fakes.secrets import FakeSecrets
from tests.unit.application.billing.world import World
from usance.adapters.duckdb.parquet import ParquetFiles
from usance.adapters.duckdb.parquet_rows import parquet_rows
from usance.adapters.dynamodb.bills import DynamoBillRepository
from usance.adapters.dynamodb.usage_ledger import DynamoUsageLedger
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.adapters.dynamodb.usage_merging import DynamoUsageMerger
from usance.adapters.dynamodb.usage_receipts import receipts_partition
from usance.adapters.packing import pack_numbers
from usance.adapters.s3.blobs import S3BlobStore
from usance.application.exports.jobs import read_job
from usance.application.exports.ports import ExportWorkbench
from usance.application.exports.run_export_job import run_export_job
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.application.proof.audit_usage import audit_usage
from usance.application.proof.auditor import Audit
from usance.application.proof.period import AuditPeriod
from usance.application.proof.ports import ProofPorts
from usance.application.proof.report import digest_of, verified
from usance.bootstrap import proof
from usance.bootstrap.command import Reach
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds, month_of
from usance.entrypoints import admin
from usance.entrypoints.command import main
from usance.resources import wire

JANUARY = AuditPeriod.of("2026-01-01", "2026-01-31")
BILLED_ON = datetime(2026, 2, 3, tzinfo=UTC)
PACKED = "0000" * 8
FIELDS = {
    "dataFields": [
        {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "tokens"},
        {"category": "WHERE", "code": "region", "name": "Region"},
    ],
    "derivedFields": [],
}

Row = dict[str, Any]


@dataclass
class Company:
    """An organization with usage of January, its bill and the stores that hold both."""

    target: StoreTarget

    def __post_init__(self) -> None:
        self.world = World()
        self.org, self.clock = self.world.org, self.world.clock
        self.clock.instant = BILLED_ON
        self.client, self.table = self.target.table("UsageTable")
        self.log = DynamoUsageLog(self.client, self.table)
        self.bills = DynamoBillRepository(*self.target.table("EntitiesTable"))
        self.blobs = S3BlobStore(*self.target.bucket())
        self.world.stores = replace(self.world.stores, bills=self.bills)  # type: ignore[arg-type]
        self.world.bench = replace(self.world.bench, stores=self.world.stores, usage=self.log, blobs=self.blobs)
        self.meter = self.org.make("meter", code="requests", **FIELDS)
        self.account = self.subscribe()
        self.scope = UsageScope(self.org.id, self.meter["id"], self.account["id"])
        self.secrets = FakeSecrets()
        self.proof = ProofPorts(
            self.org.store,
            DynamoUsageLedger(self.client, self.table),
            self.log,
            self.bills,
            self.blobs,
            self.secrets,
            self.clock,
            self.org.ids,
            parquet_rows,
        )

    def subscribe(self) -> Row:
        """An account that pays for the sum, the greatest and by region the number of its tokens."""
        account = self.org.make("account", code="acme")
        plan = self.plan = self.org.make("plan")
        segments = [{"region": "eu"}, {"region": "*"}]
        for method, more in (
            ("SUM", {}),
            ("MAX", {}),
            ("LATEST", {}),
            ("MEAN", {}),
            ("COUNT", {"segmentedFields": ["region"], "segments": segments}),
        ):
            aggregation = self.org.make("aggregation", meterId=self.meter["id"], aggregation=method, **more)
            for segment in segments if more else [{}]:
                chosen = {"segment": segment} if segment else {}
                self.world.price(aggregation["id"], planId=plan["id"], **chosen)
        self.attach(account)
        return account

    def attach(self, account: Row, **more: Any) -> None:
        """Put the plan on an account."""
        plan_id = self.plan["id"]
        self.org.make("accountPlan", accountId=account["id"], planId=plan_id, startDate="2025-01-01T00:00:00Z", **more)

    def send(self, number: int, uids: list[str], day: float, value: Any, received: datetime, **more: Any) -> UsageBatch:
        ts = microseconds(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))
        values = [value] * len(uids) if not isinstance(value, list) else value
        columns = Columns(
            uids,
            [ts + at for at in range(len(uids))],
            [None if at % 2 else ts + at + 9 for at in range(len(uids))],
            {"tokens": values},
            {"region": [("eu", "us")[at % 2] for at in range(len(uids))]},
        )
        scope = replace(self.scope, **more)
        batch = UsageBatch(scope, month_of(ts), f"{number:032x}", received, columns)
        self.log.append([batch])
        return batch

    def use(self) -> None:
        """Packed and single requests, copies of each kind, a correction, what comes late, and merging of a part."""
        at = datetime(2026, 1, 9, tzinfo=UTC)
        for number in range(20):
            self.send(100 + number, [f"single-{number}"], 3.1, 7, at + timedelta(minutes=number))
        DynamoUsageMerger(self.client, self.table).merge(self.scope, "2026-01", at + timedelta(days=1))
        self.send(0, [f"packed-{n}" for n in range(50)], 8.5, [n + Decimal("0.25") for n in range(50)], at)
        self.send(100, ["single-0"], 3.1, 7, at + timedelta(hours=20))  # sent again, after its item was merged
        self.send(0, ["packed-0"] * 50, 8.5, 1, at + timedelta(days=1))  # the request that was there already
        self.send(
            200, ["packed-1", "new"], 8.7, [5, -3], at + timedelta(days=2)
        )  # a copy with another time; a correction
        self.send(201, ["over-new-year"], -0.5, 9, datetime(2026, 1, 1, tzinfo=UTC))
        self.send(202, ["over-new-year"], 0.5, 9, datetime(2026, 1, 2, tzinfo=UTC))  # counted in December
        self.send(203, ["late"], 20, 11, datetime(2026, 2, 2, tzinfo=UTC))
        self.send(204, ["next-month"], 31.5, 100, datetime(2026, 2, 1, 13, tzinfo=UTC))

    def bill(self) -> None:
        assert self.world.run(lastDateInBillingPeriod="2026-01-31")["status"] == "COMPLETE"

    def export(self, format_: str, **more: Any) -> str:
        body = {
            "sourceType": "USAGE",
            "exportFileFormat": format_,
            "startDate": "2025-12-01T00:00:00Z",
            "endDate": "2026-02-03T00:00:00Z",
            **more,
        }
        job_id = str(self.org.client.post("/dataexports/adhoc", body).json["jobId"])
        bench = ExportWorkbench(
            self.org.exporting,
            self.blobs,
            self.bills,
            self.log,
            FakeEventLog(self.clock),
            None,  # type: ignore[arg-type]  # no other bucket
            ParquetFiles(),
        )
        assert run_export_job(bench, self.org.id, job_id, time_is_up=lambda: False) == "SUCCEEDED"
        return job_id

    def audit(self, **more: Any) -> Row:
        """The signed report, when what was just sent has settled."""
        self.clock.advance(minutes=16)
        self.answer = audit_usage(self.proof, Audit(self.org.id, JANUARY, **more), time_is_up=lambda: False)
        envelope = wire.loads(self.blobs.get(self.answer["key"]))
        assert envelope["digest"] == self.answer["digest"] == digest_of(envelope["report"])
        return dict(envelope["report"])

    def rows(self, *, receipts: bool = False) -> list[Row]:
        """The items of January, or their receipts, as they are stored."""
        key = f"{self.org.id}#{self.meter['id']}#{self.account['id']}#2026-01"
        found = self.client.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": receipts_partition(key) if receipts else key}},
        )
        return list(found["Items"])

    def row(self, word: str, *, receipts: bool = False) -> Row:
        (row,) = [row for row in self.rows(receipts=receipts) if word in row["sk"]["S"]]
        return row

    def row_of(self, account_id: str) -> Row:
        """The only item of another account."""
        key = f"{self.org.id}#{self.meter['id']}#{account_id}#2026-01"
        found = self.client.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
        )
        (row,) = found["Items"]
        return dict(row)

    def put(self, row: Row) -> None:
        self.client.put_item(TableName=self.table, Item=row)

    def delete(self, row: Row) -> None:
        self.client.delete_item(TableName=self.table, Key={name: row[name] for name in ("pk", "sk")})

    def header(self) -> Row:
        (header,) = self.world.get("/bills")["data"]
        return dict(header)


@pytest.fixture(scope="module")
def target(ministack: StoreTarget) -> StoreTarget:
    return ministack


@pytest.fixture
def company(target: StoreTarget) -> Company:
    company = Company(target)
    company.use()
    company.bill()
    return company


def found(report: Row) -> set[tuple[str, str]]:
    """Stages and causes; every difference names the meter and the account."""
    assert report["verdict"] == ("DIFFERENT" if report["differences"] else "CLEAN")
    for one in report["differences"]:
        assert (one["meterCode"], one["accountCode"]) == ("requests", "acme"), one
        assert one["figures"], one
    return {(one["stage"], one["cause"]) for one in report["differences"]}


def test_what_may_happen_to_usage_leaves_every_stage_equal(company: Company) -> None:
    report = company.audit(requested_by="an auditor")
    assert (report["differences"], report["notCompared"]) == ([], [])
    assert (report["complete"], report["part"], report["requestedBy"]) == (True, 1, "an auditor")
    (row,) = report["usage"]
    counts = {stage: row[stage]["measurements"] for stage in ("accepted", "stored", "repeated", "counted", "exported")}
    assert counts == {"accepted": 75, "stored": 75, "repeated": 3, "counted": 72, "exported": 72}
    assert row["accepted"]["sums"] == row["stored"]["sums"] == {"tokens": "1406.5"}
    assert row["counted"]["sums"] == row["exported"]["sums"] == {"tokens": "1385.5"}
    assert row["billed"]["measurements"] == 72
    lines = row["billed"]["lineItems"]
    assert len(lines) == 6
    assert all(line["quantity"] == line["recounted"] for line in lines)
    assert {"1385.5", "49.25"} < {line["quantity"] for line in lines}


@pytest.mark.parametrize("format_", ["JSONL", "CSV", "PARQUET"])
def test_the_files_of_an_export_are_read_back(company: Company, format_: str) -> None:
    report = company.audit(export_job_id=company.export(format_))
    assert found(report) == set()
    assert report["usage"][0]["exported"] == report["usage"][0]["counted"]
    assert report["export"]["exportFileFormat"] == format_


def test_a_field_that_the_meter_has_no_more_is_in_every_export(company: Company) -> None:
    ts = microseconds(datetime(2026, 1, 4, tzinfo=UTC))
    columns = Columns(["former"], [ts], [None], {"tokens": [1], "images": [Decimal("0.5")]}, {"tier": ["gold"]})
    batch = UsageBatch(company.scope, "2026-01", "f" * 32, datetime(2026, 1, 5, tzinfo=UTC), columns)
    company.log.append([batch])
    company.bill()
    assert found(company.audit(export_job_id=company.export("CSV"))) == set()


@pytest.mark.parametrize(
    ("numbers", "texts"), [({}, {"tokens": ["many"]}), ({"tokens": [Decimal(1)], "region": [Decimal(5)]}, {})]
)
def test_a_field_that_changed_between_number_and_text_is_in_every_export(
    company: Company, numbers: Row, texts: Row
) -> None:
    """Of then: the meter has `tokens` for a number and `region` for a text."""
    ts = microseconds(datetime(2026, 1, 4, tzinfo=UTC))
    columns = Columns(["former"], [ts], [None], numbers, texts)
    company.log.append([UsageBatch(company.scope, "2026-01", "f" * 32, datetime(2026, 1, 5, tzinfo=UTC), columns)])
    company.bill()
    assert found(company.audit(export_job_id=company.export("CSV"))) == set()


def lost_receipt(company: Company) -> None:
    company.delete(company.row(PACKED, receipts=True))


def altered_receipt(company: Company) -> None:
    other = company.row(f"{200:032x}", receipts=True)
    company.put({**company.row(PACKED, receipts=True), "tally": other["tally"]})


def unreadable_receipt(company: Company) -> None:
    company.put({**company.row(PACKED, receipts=True), "tally": {"S": "[1]"}})


def lost_receipt_of_a_merged_item(company: Company) -> None:
    company.delete(company.row(f"{105:032x}", receipts=True))


def lost_merged_item(company: Company) -> None:
    company.delete(company.row("m1"))


def altered_item(company: Company) -> None:
    item = company.row(PACKED)
    tokens = [n + Decimal("0.25") for n in range(50)]
    tokens[3], tokens[4] = tokens[4], tokens[3]  # leaves every sum as it is
    item["fields"]["M"]["tokens"] = {"B": pack_numbers(tokens)}
    company.put(item)


def altered_merged_item(company: Company) -> None:
    item = company.row("m1")
    item["fields"]["M"]["tokens"] = {"B": pack_numbers([8, *[7] * 19])}
    company.put(item)


def lost_column(company: Company) -> None:
    item = company.row(PACKED)
    del item["fields"]["M"]["region"]
    company.put(item)


def damaged_item(company: Company) -> None:
    item = company.row(PACKED)
    item["fields"]["M"]["tokens"] = {"B": item["fields"]["M"]["tokens"]["B"][:20]}
    company.put(item)


def copied_item(company: Company) -> None:
    item = company.row(PACKED)
    company.put({**item, "sk": {"S": f"{item['sk']['S'][:-1]}f"}})


@pytest.mark.parametrize(
    ("corrupt", "expected"),
    [
        (lost_receipt, {("ACCEPTED", "NO_RECEIPT")}),
        (unreadable_receipt, {("ACCEPTED", "UNREADABLE")}),
        (altered_receipt, {("ACCEPTED", "ALTERED")}),
        (lost_receipt_of_a_merged_item, {("STORED", "ALTERED")}),
        (lost_merged_item, {("STORED", "LOST"), ("BILLED", "DIFFERENT")}),
        (altered_item, {("STORED", "ALTERED")}),
        (altered_merged_item, {("STORED", "ALTERED"), ("BILLED", "DIFFERENT")}),
        (lost_column, {("STORED", "ALTERED"), ("BILLED", "DIFFERENT"), ("BILLED", "NOT_BILLED")}),
        (damaged_item, {("STORED", "UNREADABLE"), ("EXPORTED", "UNREADABLE"), ("BILLED", "DIFFERENT")}),
        (copied_item, {("STORED", "COPIED"), ("EXPORTED", "DIFFERENT")}),
    ],
)
def test_what_is_corrupted_in_the_store_is_named(
    company: Company, corrupt: Callable[[Company], None], expected: set[tuple[str, str]]
) -> None:
    corrupt(company)
    stages = found(company.audit())
    assert {one for one in expected if one[0] in {"ACCEPTED", "STORED"}} == {
        one for one in stages if one[0] in {"ACCEPTED", "STORED"}
    }
    assert stages <= expected


def rewrite(company: Company, job_id: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    job = read_job(company.org.store, company.org.id, job_id)
    assert job
    (file,) = job.made["files"]
    lines = gzip.decompress(company.blobs.get(file["key"])).splitlines(keepends=True)
    company.blobs.put(file["key"], gzip.compress(b"".join(change(lines))), "application/gzip")


EXPORT_CORRUPTIONS: Mapping[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a row less": (lambda lines: lines[:20] + lines[21:], "LOST"),
    "a row twice": (lambda lines: [*lines, lines[20]], "DIFFERENT"),
    "a value changed": (lambda lines: [line.replace(b'"tokens":11', b'"tokens":12') for line in lines], "DIFFERENT"),
    "no rows": (lambda _: [], "LOST"),
    "no JSON": (lambda lines: [*lines, b"{\n"], "UNREADABLE"),
}


@pytest.mark.parametrize("name", EXPORT_CORRUPTIONS)
def test_what_is_corrupted_in_an_export_is_named(company: Company, name: str) -> None:
    change, cause = EXPORT_CORRUPTIONS[name]
    job_id = company.export("JSONL")
    rewrite(company, job_id, change)
    assert found(company.audit(export_job_id=job_id)) == {("EXPORTED", cause)}


def change_lines(company: Company, change: Callable[[list[Row]], list[Row]]) -> None:
    header = company.header()
    stored = company.bills.get_stored(company.org.id, header["id"])
    assert stored
    lines = change(list(company.bills.line_items(company.org.id, header["id"])))
    version = int(stored.header["version"])
    company.bills.replace(
        company.org.id,
        {**stored.header, "version": version + 1},
        expected_version=version,
        line_items=lines,
        private=stored.private,
    )


class TestBills:
    def test_a_changed_quantity_is_named(self, company: Company) -> None:
        def more(lines: list[Row]) -> list[Row]:
            at = next(at for at, line in enumerate(lines) if line["lineItemType"] == "USAGE")
            return [*lines[:at], {**lines[at], "quantity": lines[at]["quantity"] + 1}, *lines[at + 1 :]]

        change_lines(company, more)
        assert found(company.audit()) == {("BILLED", "DIFFERENT")}

    def test_a_lost_line_item_is_named(self, company: Company) -> None:
        change_lines(company, lambda lines: [line for line in lines if line["quantity"] != Decimal("1385.5")])
        report = company.audit()
        assert found(report) == {("BILLED", "NOT_BILLED")}
        assert report["differences"][0]["figures"][0]["expected"] == "1385.5"

    def test_a_lost_bill_is_named(self, company: Company) -> None:
        header = company.header()
        company.bills.delete(company.org.id, header["id"], int(header["version"]))
        report = company.audit()
        assert found(report) == {("BILLED", "NOT_BILLED")}
        assert report["usage"][0]["billed"]["withoutBill"] == 72

    def test_what_came_after_the_bill_and_the_export_is_late(self, company: Company) -> None:
        job_id = company.export("JSONL")
        company.clock.advance(hours=1)
        company.send(300, ["later"], 5, 60, company.clock.now())
        report = company.audit(export_job_id=job_id)
        assert found(report) == {("BILLED", "LATE"), ("EXPORTED", "LATE")}

    def test_a_bill_of_usage_that_nobody_knows_of_is_named(self, company: Company) -> None:
        for row in [*company.rows(), *company.rows(receipts=True)]:
            company.delete(row)
        scopes = company.client.scan(TableName=company.table)["Items"]
        for row in scopes:
            company.delete(row)
        assert found(company.audit()) == {("BILLED", "DIFFERENT")}

    def test_usage_without_a_price_or_a_bill_is_counted_apart(self, company: Company) -> None:
        unpriced = company.org.make("meter", code="seats", **FIELDS)
        prospect = company.org.make("account", code="prospect")
        company.send(400, ["a", "b"], 5, 1, company.clock.now(), meter_id=unpriced["id"])
        company.send(401, ["a"], 5, 1, company.clock.now(), account_id=prospect["id"])
        report = company.audit()
        assert report["differences"] == []
        figures = {
            (row["meterCode"], row["accountCode"]): (row["billed"]["withoutPrice"], row["billed"]["withoutBill"])
            for row in report["usage"]
        }
        assert figures == {("requests", "acme"): (0, 0), ("seats", "acme"): (2, 0), ("requests", "prospect"): (0, 1)}

    def test_what_is_not_compared_is_said(self, company: Company) -> None:
        sql = company.org.make(
            "aggregation",
            meterId=company.meter["id"],
            aggregation="CUSTOM_SQL",
            customSql="SELECT sum(tokens) FROM measurements",
        )
        company.world.price(sql["id"], planId=company.plan["id"])
        reasons = [one["reason"] for one in company.audit()["notCompared"]]
        assert reasons
        assert all("CUSTOM_SQL" in reason for reason in reasons)


@pytest.mark.parametrize("mode", ["PARENT_BREAKDOWN", "PARENT_SUMMARY", "CHILD"])
def test_the_usage_of_a_family_under_a_contract_is_billed_where_it_belongs(target: StoreTarget, mode: str) -> None:
    company = Company(target)
    parent = company.org.make("account", code="parent")
    filters = [{"dimensionCode": "region", "mode": "INCLUDE", "value": "eu"}]
    dates = {"startDate": "2026-01-01", "endDate": "2026-12-31"}
    contract = company.org.make("contract", accountId=parent["id"], usageFilters=filters, **dates)
    children = [company.org.make("account", code=code, parentAccountId=parent["id"]) for code in ("a", "b")]
    company.attach(parent, childBillingMode=mode, contractId=contract["id"])
    for number, account in enumerate([parent, *children]):
        uids = [f"{account['code']}-{at}" for at in range(6)]
        company.send(number, uids, 5, 10 + number, BILLED_ON - timedelta(days=3), account_id=account["id"])
    company.bill()
    report = company.audit()
    assert (report["differences"], report["notCompared"]) == ([], [])
    billed = {row["accountCode"]: row["billed"] for row in report["usage"]}
    assert {code: one["measurements"] for code, one in billed.items()} == dict.fromkeys(("parent", "a", "b"), 6)
    quantities = [line["quantity"] for one in billed.values() for line in one["lineItems"]]
    assert ("99" in quantities) is (mode == "PARENT_SUMMARY")

    company.delete(company.row_of(children[1]["id"]))
    lost = company.audit()["differences"]
    assert {(one["stage"], one["cause"]) for one in lost} == {("STORED", "LOST"), ("BILLED", "DIFFERENT")}, lost
    named = {one["accountCode"] for one in lost if one["stage"] == "BILLED"}
    assert named == {"parent" if mode == "PARENT_SUMMARY" else "b"}


def price_compound(company: Company) -> Row:
    """A price for tokens a seat, of two meters; answers the meter of seats."""
    seats = company.org.make("meter", code="seats", **FIELDS)
    company.org.make("aggregation", code="used", meterId=company.meter["id"], aggregation="SUM")
    company.org.make("aggregation", code="seats", meterId=seats["id"], aggregation="MAX", defaultValue=5)
    made = company.org.make(
        "compoundAggregation", calculation="aggregation.used / aggregation.seats", name="A seat", rounding="NONE"
    )
    company.world.price(None, planId=company.plan["id"], compoundAggregationId=made["id"])
    return seats


def test_a_compound_aggregation_is_recounted_from_all_its_meters(target: StoreTarget) -> None:
    company = Company(target)
    seats = price_compound(company)
    company.send(1, ["a", "b"], 5, [30, 10], BILLED_ON - timedelta(days=3))
    company.send(2, ["a"], 5, 8, BILLED_ON - timedelta(days=3), meter_id=seats["id"])
    company.bill()
    report = company.audit()
    assert (report["differences"], report["notCompared"]) == ([], [])
    billed = {row["meterCode"]: row["billed"] for row in report["usage"]}
    assert {code: one["measurements"] for code, one in billed.items()} == {"requests": 2, "seats": 1}
    assert "5" in {line["recounted"] for one in billed.values() for line in one["lineItems"]}

    company.send(3, ["b"], 6, 20, BILLED_ON + timedelta(days=1), meter_id=seats["id"])  # 40 tokens of 20 seats
    late = [one for one in company.audit()["differences"] if one["stage"] == "BILLED"]
    assert [(one["cause"], one["figures"][0]["expected"]) for one in late] == [("LATE", "2")]


@pytest.mark.parametrize("mode", ["PARENT_BREAKDOWN", "CHILD"])
def test_a_compound_aggregation_of_a_family_is_recounted_whole(target: StoreTarget, mode: str) -> None:
    company = Company(target)
    price_compound(company)
    parent = company.org.make("account", code="parent")
    child = company.org.make("account", code="child", parentAccountId=parent["id"])
    company.attach(parent, childBillingMode=mode)
    for number, account in enumerate([parent, child]):
        company.send(number, ["a"], 5, 10 + 20 * number, BILLED_ON - timedelta(days=3), account_id=account["id"])
    company.bill()
    report = company.audit()
    assert report["differences"] == []
    recounted = {line["recounted"] for row in report["usage"] for line in row["billed"]["lineItems"]}
    assert ("8" in recounted) is (mode == "PARENT_BREAKDOWN")
    assert any("compound" in one["reason"] for one in report["notCompared"]) is (mode == "CHILD")


def test_what_was_just_received_is_left_to_the_next_audit(company: Company) -> None:
    company.send(600, ["in the making"], 5, 60, company.clock.now())
    company.delete(company.row(f"{600:032x}", receipts=True))
    company.clock.advance(minutes=14)
    answer = audit_usage(company.proof, Audit(company.org.id, JANUARY), time_is_up=lambda: False)
    report = wire.loads(company.blobs.get(answer["key"]))["report"]
    assert (report["usage"][0]["stored"]["measurements"], report["usage"][0]["exported"]["measurements"]) == (75, 72)
    assert {one["stage"] for one in report["differences"]} <= {"BILLED"}


def test_a_report_is_made_in_parts_that_follow_each_other(company: Company) -> None:
    second = company.org.make("account", code="second")
    company.send(500, ["a"], 5, 1, company.clock.now(), account_id=second["id"])
    company.clock.advance(hours=1)
    asked = Audit(company.org.id, JANUARY)
    first = audit_usage(company.proof, asked, time_is_up=lambda: True)
    assert (first["complete"], first["next"]["follows"]) == (False, first["digest"])
    rest = audit_usage(company.proof, replace(asked, **first["next"]), time_is_up=lambda: True)
    assert (rest["complete"], rest["next"]) == (True, None)
    reports = [json.loads(company.blobs.get(one["key"]))["report"] for one in (first, rest)]
    assert [one["accountCode"] for report in reports for one in report["usage"]] == ["acme", "second"]
    assert reports[1]["follows"] == first["digest"]


def test_a_signature_is_of_one_report(company: Company) -> None:
    company.audit()
    envelope = json.loads(company.blobs.get(company.answer["key"]))
    proof = envelope["digest"], envelope["signedAt"], envelope["signature"]
    assert verified(company.secrets, *proof)
    altered = {**envelope["report"], "verdict": "DIFFERENT"}
    assert not verified(company.secrets, digest_of(altered), *proof[1:])
    assert not verified(company.secrets, proof[0], str(int(proof[1]) + 1), proof[2])
    with pytest.raises(InvalidInputError, match="signedAt"):
        verified(company.secrets, proof[0], "now", proof[2])


def test_what_cannot_be_audited_is_refused(company: Company) -> None:
    for refused in (
        {"org_id": "nobody"},
        {"export_job_id": "none"},
        {"export_job_id": company.export("JSONL", startDate="2026-01-02T00:00:00Z")},
    ):
        with pytest.raises((InvalidInputError, NotFoundError)):
            audit_usage(company.proof, replace(Audit(company.org.id, JANUARY), **refused), time_is_up=lambda: False)


class TestCommand:
    """`usance audit` over the admin function."""

    @pytest.fixture
    def run(
        self, company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Callable[..., tuple[int, list[Path]]]:
        company.clock.advance(hours=1)
        monkeypatch.setattr(proof, "proof_ports", lambda: company.proof)
        monkeypatch.setattr(admin.stores, "secrets", lambda: company.secrets)
        handle = admin.handler()

        class Context:
            def get_remaining_time_in_millis(self) -> int:
                return 900_000

        def download(url: str) -> bytes:
            return company.blobs.get(urlsplit(url).path.split("/", 2)[2])

        def connect(function: str | None, _: Path) -> Reach:
            assert function == "admin"
            return Reach(lambda event: handle(json.loads(json.dumps(event)), Context()), download)

        def run(*words: str) -> tuple[int, list[Path]]:
            status = main(["audit", *words, "--function", "admin"], connect)
            return status, sorted(tmp_path.glob("audit-*.json"))

        return lambda *words: run(*[word.replace("OUT", str(tmp_path)) for word in words])

    def test_equal_stages_end_with_0_and_a_report_that_is_genuine(
        self, company: Company, run: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        asked = ["--org", company.org.id, "--first", "2026-01-01", "--last", "2026-01-31", "--out", "OUT"]
        status, (report,) = run(*asked)
        shown = capsys.readouterr().out
        assert status == 0
        assert "CLEAN" in shown
        assert [*["75", "75", "3", "72", "72", "72"]] == shown.splitlines()[3].split()[2:]
        assert "of what was received until 20" in shown.splitlines()[1]
        assert run("verify", str(report))[0] == 0
        report.write_text(report.read_text().replace("CLEAN", "DIFFERENT"))
        assert run("verify", str(report))[0] == 1
        assert "NOT" in capsys.readouterr().out

    def test_a_difference_ends_with_1_and_is_named(
        self, company: Company, run: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        altered_item(company)
        status, _ = run("--org", company.org.id, "--first", "2026-01-01", "--last", "2026-01-31", "--out", "OUT")
        assert status == 1
        assert "DIFFERS STORED ALTERED requests, acme" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "word"),
        [
            (["--org", "o", "--first", "2026-01-02", "--last", "2026-01-31"], "firstDay"),
            (["--org", "o", "--first", "2026-01-01", "--last", "2026-01-30"], "lastDay"),
            (["--org", "o", "--first", "2026-01-01", "--last", "2025-12-31"], "lastDay"),
            (["--org", "o", "--first", "2025-01-01", "--last", "2026-01-31"], "12 months"),
            (["--org", "o", "--first", "January", "--last", "2026-01-31"], "firstDay"),
            (["--org", "o", "--first", "2026-01-01", "--last", "2026-01-31"], "organization"),
            (["--org", "o"], "--first"),
            (["--first", "2026-01-01", "--last", "2026-01-31"], "--org"),
            (["verify", "nothing.json"], "nothing.json"),
        ],
    )
    def test_what_cannot_be_done_ends_with_2_and_says_why(
        self, run: Any, words: list[str], word: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(*words)[0] == 2
        assert word in capsys.readouterr().err

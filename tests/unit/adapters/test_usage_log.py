"""The log of measurements when the store is busy or answers in parts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from usance.adapters.dynamodb import batch_writes
from usance.adapters.dynamodb.batch_writes import BATCH_ATTEMPTS_MAX, BATCH_WRITE_MAX
from usance.adapters.dynamodb.usage_ledger import DynamoUsageLedger
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.adapters.dynamodb.usage_reads import GET_ROUNDS_MAX
from usance.application.ports.usage_log import AggregationQuery, UsageBatch, UsageScope
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.domain.metering.tally import tally_of

SCOPE = UsageScope("org", "meter", "account")
JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


class Table:
    """A table in memory that speaks as much of DynamoDB as the log asks of it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.faults: list[Exception] = []
        self.spared = 0  # calls that succeed before the faults
        self.unprocessed = 0
        self.unwritten = 0

    def put_item(self, **request: Any) -> None:
        self.fail()
        item = request["Item"]
        key = (item["pk"]["S"], item["sk"]["S"])
        if key in self.rows and "ConditionExpression" in request:
            raise fault("ConditionalCheckFailedException")
        self.rows[key] = item

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        """All but the first item, as long as any is left `unwritten`."""
        self.fail()
        [(table, wanted)] = request["RequestItems"].items()
        assert 1 <= len(wanted) <= BATCH_WRITE_MAX
        left = min(self.unwritten, 1)
        self.unwritten -= left
        for one in wanted[left:]:
            self.rows[one["PutRequest"]["Item"]["pk"]["S"], one["PutRequest"]["Item"]["sk"]["S"]] = one["PutRequest"][
                "Item"
            ]
        return {"UnprocessedItems": {table: wanted[:left]} if left else {}}

    def get_item(self, **request: Any) -> dict[str, Any]:
        self.fail()
        found = self.rows.get((request["Key"]["pk"]["S"], request["Key"]["sk"]["S"]))
        return {"Item": {name: found[name] for name in ("received", "tally")}} if found else {}

    def get_paginator(self, _: str) -> "Table":
        return self

    def fail(self) -> None:
        if self.faults and not self.spared:
            raise self.faults.pop()
        self.spared = max(self.spared - 1, 0)

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.fail()
        partition = request["ExpressionAttributeValues"].get(":pk")
        return [
            {"Items": [row]}
            for row in self.rows.values()
            if row["pk"] == partition or ("IndexName" in request and "received" in row)
        ]

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        keys = wanted["Keys"]
        if self.unprocessed:
            self.unprocessed -= 1
            return {"Responses": {}, "UnprocessedKeys": {table: {"Keys": keys}}}
        half = max(len(keys) // 2, 1)
        rows = [self.rows[key["pk"]["S"], key["sk"]["S"]] for key in keys[:half]]
        rest = {table: {"Keys": keys[half:]}} if keys[half:] else {}
        return {"Responses": {table: rows}, "UnprocessedKeys": rest}


def fault(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "PutItem")


def batch(number: int, uid: str, month: str = "2026-01") -> UsageBatch:
    ts = microseconds(datetime.fromisoformat(f"{month}-15T00:00:00+00:00"))
    columns = Columns([uid], [ts], [None], {"tokens": [1]}, {})
    return UsageBatch(SCOPE, month, f"{number:032x}", FEBRUARY + timedelta(seconds=number), columns)


def count(log: DynamoUsageLog) -> Decimal | None:
    rows = log.aggregate(SCOPE, JANUARY, FEBRUARY, [AggregationQuery("SUM", "tokens")])[0]
    return rows[0].value if rows else None


FAULTS: list[Callable[[], Exception]] = [
    lambda: fault("ThrottlingException"),
    lambda: fault("ProvisionedThroughputExceededException"),
    lambda: ConnectTimeoutError(endpoint_url="http://store"),
]


@pytest.mark.parametrize("make", FAULTS)
@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("spared", [0, 1, 2])  # the row of the scope, the measurements, their receipt
def test_a_busy_store_refuses_the_request_and_a_retry_completes_it(
    make: Callable[[], Exception], size: int, spared: int
) -> None:
    table = Table()
    table.spared = spared
    log = DynamoUsageLog(table, "usage")
    batches = [batch(number, str(number)) for number in range(size)]
    table.faults = [make()]
    with pytest.raises(UnavailableError):
        log.append(batches)
    log.append(batches)
    log.append(batches)
    assert count(log) == size
    assert DynamoUsageLog(table, "usage").scopes("org", JANUARY, FEBRUARY) == [SCOPE]
    table.faults = [make()]
    with pytest.raises(UnavailableError):
        count(log)
    table.faults = [make()]
    with pytest.raises(UnavailableError):
        log.scopes("org", JANUARY, FEBRUARY)


def test_every_item_has_the_receipt_of_when_it_was_first_received() -> None:
    table = Table()
    log = DynamoUsageLog(table, "usage")
    first = batch(1, "a")
    table.spared = 2
    table.faults = [fault("ThrottlingException")]
    with pytest.raises(UnavailableError):
        log.append([first])
    ledger = DynamoUsageLedger(table, "usage")
    assert not list(ledger.receipts(SCOPE, "2026-01"))
    derived_anew = replace(first.columns, numbers={"tokens": [2]})
    log.append([replace(first, columns=derived_anew, received_at=FEBRUARY + timedelta(hours=1))])
    ((stored,), (receipt,)) = ledger.batches(SCOPE, "2026-01"), ledger.receipts(SCOPE, "2026-01")
    assert receipt.key == stored.receipt_key
    assert receipt.tally == stored.accepted() == tally_of(stored.columns()) == tally_of(first.columns)


def test_a_request_that_meets_merging_is_repeated() -> None:
    class Merging(Table):
        def put_item(self, **request: Any) -> None:
            if "ConditionExpression" in request:
                raise fault("ConditionalCheckFailedException")

    with pytest.raises(UnavailableError, match="merged"):
        DynamoUsageLog(Merging(), "usage").append([batch(1, "a")])


@pytest.mark.parametrize("unwritten", [0, 1, BATCH_ATTEMPTS_MAX - 1])
def test_every_item_of_many_has_its_receipt_when_they_are_accepted(
    unwritten: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_writes, "pause", lambda _: None)
    table, many = Table(), 2 * BATCH_WRITE_MAX + 3
    table.unwritten = unwritten
    DynamoUsageLog(table, "usage").append([batch(number, f"uid-{number}") for number in range(many)])
    ledger = DynamoUsageLedger(table, "usage")
    stored = {one.receipt_key for one in ledger.batches(SCOPE, "2026-01")}
    assert len(stored) == many
    assert {one.key for one in ledger.receipts(SCOPE, "2026-01")} == stored


def test_measurements_whose_receipts_are_not_taken_are_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_writes, "pause", lambda _: None)
    table = Table()
    table.unwritten = BATCH_ATTEMPTS_MAX
    with pytest.raises(UnavailableError):
        DynamoUsageLog(table, "usage").append([batch(1, "a"), batch(2, "b")])


def test_a_fault_of_ours_is_not_hidden() -> None:
    table = Table()
    table.faults = [fault("ValidationException")]
    with pytest.raises(ClientError):
        DynamoUsageLog(table, "usage").append([batch(1, "a")])


def test_other_months_are_read_to_the_last_key() -> None:
    table = Table()
    log = DynamoUsageLog(table, "usage")
    log.append([batch(number, str(number), "2025-12") for number in range(7)])
    log.append([batch(100 + number, str(number)) for number in range(9)])
    table.unprocessed = 2
    assert count(log) == 2


def test_a_store_that_never_hands_over_is_given_up() -> None:
    table = Table()
    log = DynamoUsageLog(table, "usage")
    log.append([batch(1, "a", "2025-12"), batch(2, "b")])
    table.unprocessed = GET_ROUNDS_MAX
    with pytest.raises(UnavailableError):
        count(log)

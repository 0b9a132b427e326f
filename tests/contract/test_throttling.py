"""A store that refuses, or does its part and is not heard: one answer to the client, and a retry that stores once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.clock import FrozenClock
from tests.fakes.events import FakeEventLog
from tests.fakes.faulty import FaultyClient, throttled, timed_out
from tests.fakes.http import Answer, Client
from tests.fakes.organization import Organization
from tests.fakes.queue import FakeQueue
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.published import PublishedTables
from usance.application.ports.usage_log import AggregationQuery, UsageScope
from usance.bootstrap.ingest import Ingest
from usance.entrypoints.http import core, ingest

CALLS_MAX = 40  # of one request to the store
MONTHS = 3


@pytest.fixture(params=DYNAMODB_TARGETS)
def new_table(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], Any]) -> Callable[[str], Any]:
    return lambda logical_id: fresh_table(request.param, logical_id)


FAULTS = pytest.mark.parametrize(
    ("fault", "lost"), [(throttled, False), (timed_out, False), (timed_out, True)], ids=["throttled", "before", "after"]
)


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.json["errorCode"]) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"


@FAULTS
def test_a_change_of_configuration_is_made_once(
    new_table: Callable[[str], Any], fault: Callable[[], Exception], *, lost: bool
) -> None:
    table, name = new_table("EntitiesTable")
    client = FaultyClient(table, fault, lost=lost)
    clock = FrozenClock()
    org = Organization(clock, real=DynamoEntityRepository(client, name, clock))
    for fails_at in range(CALLS_MAX):
        client.calls.clear()
        client.fails_at = fails_at
        body = {"code": f"c-{fails_at}", "name": "Product"}
        answer = org.client.post("/products", body)
        reached = len(client.calls) > fails_at
        client.fails_at = -1
        if not reached:
            break
        assert_refused(answer)
        retried = org.client.post("/products", body)
        # What was stored although nobody heard of it is found by its code.
        assert retried.status == (409 if lost and client.calls[fails_at] == "transact_write_items" else 200)
        found = org.client.get("/products", codes=body["code"]).json["data"]
        assert [row["version"] for row in found] == [1]
        assert org.client.post("/products", body).status == 409
    assert reached is False
    assert fails_at > 0


def measurements() -> Sequence[dict[str, Any]]:
    return [
        {
            "uid": str(number),
            "meter": "requests",
            "account": f"acme-{number % 2}",
            "ts": f"2026-{1 + number % MONTHS:02d}-02T00:00:00Z",
            "measure": {"tokens": number},
        }
        for number in range(4 * MONTHS)
    ]


@FAULTS
def test_measurements_are_stored_once(
    new_table: Callable[[str], Any], fault: Callable[[], Exception], *, lost: bool
) -> None:
    org = Organization()
    org.clock.instant = datetime(2026, 4, 1, tzinfo=UTC)
    meter = org.make(
        "meter",
        code="requests",
        name="Requests",
        dataFields=[{"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "1"}],
        derivedFields=[],
    )
    accounts = [org.make("account", code=f"acme-{number}") for number in range(2)]
    table, name = new_table("UsageTable")
    for fails_at in range(CALLS_MAX):
        client = FaultyClient(table, fault, fails_at, lost)
        usage = DynamoUsageLog(client, f"{name}")
        http = Client(ingest_handler(org, usage), org.id)
        body = {"measurements": [{**row, "uid": f"{fails_at}-{row['uid']}"} for row in measurements()]}
        answer = http.post("/measurements", body)
        reached = len(client.calls) > fails_at
        client.fails_at = -1
        if not reached:
            break
        assert_refused(answer)
        for _ in range(2):
            assert http.post("/measurements", body).status == 200
    assert reached is False
    assert fails_at == 4 * MONTHS + 1  # a row of the scope and an item, for each account and month, and all receipts
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    queries = [AggregationQuery("COUNT", "tokens"), AggregationQuery("SUM", "tokens")]
    for number, account in enumerate(accounts):
        scope = UsageScope(org.id, meter["id"], account["id"])
        [count], [total] = DynamoUsageLog(table, name).aggregate(scope, start, end, queries)
        sent = [row["measure"]["tokens"] for row in measurements() if row["account"] == f"acme-{number}"]
        assert (count.value, total.value) == (len(sent) * (fails_at + 1), sum(sent) * (fails_at + 1))


def ingest_handler(org: Organization, usage: DynamoUsageLog) -> core.Handler:
    tables = PublishedTables(org.store, org.blobs, org.clock)
    ports = IngestPorts(
        org.store, usage, FailureLog(FakeEventLog(org.clock), org.blobs), org.blobs, org.clock, org.ids, FakeQueue()
    )
    composed = Ingest(ports, Directory(org.store, org.clock, tables))
    return core.build(ingest.routes(lambda: composed))

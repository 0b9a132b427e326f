"""Ingest, its cost in write units, and reading back: each beside a rival or a floor of the same run.

The store is left out of every rate: its client is real and its answers are immediate. What remains is the work of one core.
"""

import json
import os
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import boto3
import duckdb
import numpy as np
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from benchmarks.figures import Figure
from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import CountingIds, FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.queue import FakeQueue
from usance.adapters.duckdb.aggregate import aggregated
from usance.adapters.duckdb.merging import merged_item
from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.adapters.dynamodb.usage_items import Item, packed_items, receipt_text
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.adapters.dynamodb.usage_merging import PARTS_MAX
from usance.adapters.dynamodb.usage_reads import stored_item
from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.published import PublishedTables
from usance.application.ports.entities import Put
from usance.application.ports.usage_log import AggregationQuery, UsageBatch, UsageScope, UsageWriter
from usance.bootstrap.ingest import Ingest
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import instant_of, microseconds
from usance.entrypoints.http import core, ingest

PER_REQUEST = 1_000
REQUESTS = 40
READ_REQUESTS = 1_000
RESENT_PERCENT = 1
MERGED_REQUESTS = 60
ROUNDS = 3
UNIT_BYTES = 1_024
INDEX_ENTRY_OVERHEAD_BYTES = 100
ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"
START = datetime(2026, 1, 1, tzinfo=UTC)
EVENT = json.loads((Path(__file__).resolve().parent.parent / "events" / "ingest_measurements.json").read_text())
CONTEXT = type("Context", (), {"function_name": "ingest", "memory_limit_in_mb": 1, "aws_request_id": "r"})()


def figures() -> list[Figure]:
    with one_core():
        return [write_units_per_event(), ingest_rate(), read_rate(), *merged_rates()]


@contextmanager
def one_core() -> Iterator[None]:
    """Keep the process, and DuckDB's threads with it, on one core where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def write_units_per_event() -> Figure:
    """Of requests of 1,000 typical measurements of one account: the table's units and the index's."""
    recorder = Recorder()
    handle = handler_of(DynamoUsageLog(recorder, "usage"))
    for event in requests_of(5):
        assert handle(event, CONTEXT)["statusCode"] == 200
    units = sum(units_of(item) for item in recorder.items)
    per_event = units / (5 * PER_REQUEST)
    return Figure("write units per event", per_event, "units", "one item per event", 2.0, "<= 0.05", per_event <= 0.05)


def ingest_rate() -> Figure:
    """Events a second through the full handler, packed, beside the same handler writing one item per event."""
    packed = _rate(handler_of(DynamoUsageLog(_silent_client(), "usage")), REQUESTS)
    single = _rate(handler_of(_OneItemPerEvent(_silent_client())), REQUESTS // 10)
    return Figure(
        "ingest, one core, store excluded",
        packed,
        "events/s",
        "one item per event",
        single,
        ">= 100,000 and >= 10x",
        packed >= 100_000 and packed >= 10 * single,
    )


def read_rate() -> Figure:
    """Read, deduplicate and aggregate a month, beside DuckDB doing the same over Parquet; 1 % of the events came twice."""
    batches = list(_month())
    stored = Stored([stored_item(batch.month, item) for batch in batches for item in packed_items(batch)])
    events = sum(len(batch.columns) for batch in batches)
    queries = [AggregationQuery(method, "tokens") for method in ("SUM", "MAX")] + [AggregationQuery("SUM", "replies")]
    end = START + timedelta(days=31)
    connection = duckdb.connect(":memory:", config={"threads": 1})
    with tempfile.TemporaryDirectory() as folder:
        rival_query = _parquet(connection, batches, Path(folder) / "usage.parquet")
        ours, theirs = [], []
        for _ in range(ROUNDS):
            seconds, rows = timed(lambda: aggregated(stored, START, end, queries))
            ours.append(seconds)
            seconds, rival = timed(lambda: connection.execute(rival_query).fetchone())
            theirs.append(seconds)
            if [row[0].value for row in rows] != list(rival):
                raise AssertionError(f"{rows} differs from {rival}")
    rate, beside = events / min(ours), events / min(theirs)
    return Figure(
        "usage read + dedupe + aggregate",
        rate,
        "events/s",
        "DuckDB over Parquet",
        beside,
        ">= 1,000,000 and >= 0.5x",
        rate >= 1_000_000 and rate >= beside / 2,
    )


def merged_rates() -> list[Figure]:
    """A month of requests of one event, read before and after merging, beside the same events in requests of 1,000."""
    batches = [batch for _, batch in zip(range(MERGED_REQUESTS), _month(), strict=False)]
    packed = [stored_item(batch.month, item) for batch in batches for item in packed_items(batch)]
    level = [stored_item(single.month, item) for single in _single_requests(batches) for item in packed_items(single)]
    singles = level
    for _ in range(2):
        level = [_merged(level[at : at + PARTS_MAX]) for at in range(0, len(level), PARTS_MAX)]
    queries = [AggregationQuery("SUM", "tokens"), AggregationQuery("MAX", "replies")]
    end = START + timedelta(days=31)
    events = sum(len(batch.columns) for batch in batches)
    rates, answers = [], []
    for items in (packed, singles, level):
        seconds, rows = min(
            (timed(lambda items=items: aggregated(Stored(items), START, end, queries)) for _ in range(ROUNDS)),  # type: ignore[misc]
            key=lambda timed: timed[0],
        )
        rates.append(events / seconds)
        answers.append(rows)
    if not answers[0] == answers[1] == answers[2]:
        raise AssertionError("merging changed an answer")
    beside = "in requests of 1,000"
    return [
        Figure("read, requests of one event", rates[1], "events/s", beside, rates[0]),
        Figure("the same, merged", rates[2], "events/s", beside, rates[0], ">= 0.5x", rates[2] >= rates[0] / 2),
        Figure("items of them, merged", len(level), "items", "before", len(singles)),
    ]


def _single_requests(batches: Sequence[UsageBatch]) -> Iterator[UsageBatch]:
    for batch in batches:
        for row in range(len(batch.columns)):
            received = batch.received_at + timedelta(milliseconds=row)
            yield UsageBatch(batch.scope, batch.month, f"{batch.digest}{row:04x}", received, batch.columns.take([row]))


def _merged(items: Sequence[StoredItem]) -> StoredItem:
    item, first = merged_item(items)
    place = f"m1#{items[0].place[1]}"
    received = f"{receipt_text(instant_of(first))}#{items[0].place[0]}#{place}"
    return stored_item(items[0].place[0], {**item, "received": {"S": received}})


def handler_of(usage: UsageWriter) -> core.Handler:
    clock = FrozenClock(START + timedelta(days=40))
    entities = FakeEntityRepository(clock)
    fields = [("tokens", "MEASURE"), ("replies", "MEASURE"), ("model", "WHAT")]
    meter = {"id": "meter", "version": 1, "code": "requests", "derivedFields": []}
    meter["dataFields"] = [{"code": code, "category": category} for code, category in fields]
    account = {"id": "account", "version": 1, "code": "acme"}
    entities.commit(ORG, [Put("meter", meter, unique={"code": "requests"})])
    entities.commit(ORG, [Put("account", account, unique={"code": "acme"})])
    blobs = FakeBlobStore()
    ports = IngestPorts(
        entities, usage, FailureLog(FakeEventLog(clock), blobs), blobs, clock, CountingIds(), FakeQueue()
    )
    composed = Ingest(ports, Directory(entities, clock, PublishedTables(entities, ports.blobs, clock)))
    return core.build(ingest.routes(lambda: composed))


def requests_of(count: int, size: int = PER_REQUEST) -> list[dict[str, Any]]:
    """Requests of `size` typical measurements of one account."""
    rng = random.Random(1)
    return [{**EVENT, "body": json.dumps({"measurements": list(_measurements(rng, at, size))})} for at in range(count)]


def _measurements(rng: random.Random, request: int, size: int) -> Iterator[dict[str, Any]]:
    for number in range(size):
        ts = START + timedelta(minutes=request, milliseconds=37 * number + rng.randrange(30))
        yield {
            "uid": str(uuid.UUID(int=rng.getrandbits(128))),
            "meter": "requests",
            "account": "acme",
            "ts": ts.isoformat(timespec="milliseconds"),
            "what": {"model": rng.choice(["small", "medium", "large"])},
            "measure": {"tokens": rng.randrange(9_000), "replies": rng.randrange(900)},
        }


def _month() -> Iterator[UsageBatch]:
    """A month of one account in requests of 1,000, of which one in a hundred measurements repeats an earlier one."""
    rng = random.Random(2)
    step = timedelta(days=31) / (READ_REQUESTS * PER_REQUEST)
    scope = UsageScope(ORG, "meter", "account")
    sent: list[str] = []
    for request in range(READ_REQUESTS):
        at = START + step * PER_REQUEST * request
        rows = range(PER_REQUEST)
        fresh = [str(uuid.UUID(int=rng.getrandbits(128))) for _ in rows]
        uids = [rng.choice(sent) if sent and rng.randrange(100) < RESENT_PERCENT else uid for uid in fresh]
        sent = (sent + fresh)[-10_000:]
        columns = Columns(
            uids,
            [microseconds(at + step * row) for row in rows],
            [None] * PER_REQUEST,
            {"tokens": [rng.randrange(9_000) for _ in rows], "replies": [rng.randrange(900) for _ in rows]},
            {"model": [rng.choice(["small", "medium", "large"]) for _ in rows]},
        )
        yield UsageBatch(scope, "2026-01", f"{request:032x}", at + timedelta(minutes=1), columns)


def _parquet(connection: duckdb.DuckDBPyConnection, batches: Sequence[UsageBatch], path: Path) -> str:
    """Write the events to `path`, in the order received; the query that counts each uid once."""
    columns: dict[str, Any] = {
        "place": np.arange(sum(len(batch.columns) for batch in batches)),
        "uid": np.array([uid for batch in batches for uid in batch.columns.uids], dtype=object),
        "ts": np.array([ts for batch in batches for ts in batch.columns.ts]),
    }
    for code in ("tokens", "replies"):
        columns[code] = np.array([value for batch in batches for value in batch.columns.numbers[code]], dtype=np.int64)
    connection.register("sent", columns)
    connection.execute(f"COPY (SELECT * FROM sent) TO '{path}' (FORMAT parquet)")  # noqa: S608 - our own path
    return (
        "SELECT sum(tokens), max(tokens), sum(replies) FROM ("  # noqa: S608 - our own path
        f"SELECT arg_min(tokens, place) AS tokens, arg_min(replies, place) AS replies FROM '{path}' GROUP BY uid)"
    )


def _rate(handle: core.Handler, count: int) -> float:
    events = requests_of(count)
    best = min(timed(lambda: [handle(event, CONTEXT) for event in events])[0] for _ in range(ROUNDS))
    return count * PER_REQUEST / best


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def units_of(item: Item) -> int:
    """Of one item: its kilobytes begun, and those of its entry in the index of keys. A month's first row has none."""
    if "scope" not in item:
        return ceil(size_of(item) / UNIT_BYTES)
    index = sum(len(name) + len(item[name]["S"]) for name in ("pk", "sk", "scope", "received"))
    return ceil(size_of(item) / UNIT_BYTES) + ceil((index + INDEX_ENTRY_OVERHEAD_BYTES) / UNIT_BYTES)


def size_of(item: Item) -> int:
    size = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        size += len(name) + (3 + size_of(content) + len(content) if kind == "M" else len(content))
    return size


class Recorder:
    """A client that keeps the items put."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def put_item(self, *, Item: Item, **_: Any) -> None:  # noqa: N803 - the client's name
        """Keep an item."""
        self.items.append(Item)


def _silent_client() -> Any:
    """A DynamoDB client whose requests are made, signed and answered at once."""
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - nothing is sent
        config=Config(parameter_validation=True),
    )
    client.meta.events.register("before-send.dynamodb", lambda request, **_: _Answer(request.url))
    return client


class _Answer(AWSResponse):  # type: ignore[misc]
    """An empty success."""

    def __init__(self, url: str) -> None:
        super().__init__(url, 200, {"content-type": "application/x-amz-json-1.0"}, None)

    @property
    def content(self) -> bytes:
        return b"{}"


class _OneItemPerEvent:
    """The rival: every measurement an item of its own, in batches of 25."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def append(self, batches: Sequence[UsageBatch]) -> None:
        requests = [{"PutRequest": {"Item": item}} for batch in batches for item in _single_items(batch)]
        for at in range(0, len(requests), 25):
            self._client.batch_write_item(RequestItems={"usage": requests[at : at + 25]})


def _single_items(batch: UsageBatch) -> Iterator[Item]:
    columns = batch.columns
    partition = f"{batch.scope.org_id}#{batch.scope.meter_id}#{batch.scope.account_id}"
    for row, uid in enumerate(columns.uids):
        numbers = {code: {"N": str(values[row])} for code, values in columns.numbers.items()}
        texts = {code: {"S": values[row] or ""} for code, values in columns.texts.items()}
        ts = str(columns.ts[row])
        yield {"pk": {"S": partition}, "sk": {"S": f"{ts}#{uid}"}, "ts": {"N": ts}, **numbers, **texts}

"""The packed log counts like the plain one, whatever is sent again, in whatever order and company."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.usage_log import FakeUsageLog
from usance.adapters.duckdb import usage
from usance.adapters.duckdb.aggregate import aggregated
from usance.adapters.duckdb.columns import uid_texts
from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.adapters.dynamodb.usage_items import packed_items
from usance.adapters.dynamodb.usage_reads import stored_item
from usance.application.ports.usage_log import AggregationQuery, UsageBatch, UsageScope
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds, month_of

SCOPE = UsageScope("org", "meter", "account")
START, END = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
UUIDS = [f"0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2{digit}" for digit in "0123"]
WEEKS = (START, START + timedelta(days=7))
QUERIES = [
    AggregationQuery("SUM", "tokens"),
    AggregationQuery("COUNT", "model"),
    AggregationQuery("MIN", "tokens", (), WEEKS),
    AggregationQuery("MEAN", "tokens", ("model",)),
    AggregationQuery("LATEST", "tokens"),
    AggregationQuery("LATEST", "tokens", ("model",), WEEKS),
    AggregationQuery("UNIQUE", "model", (), WEEKS),
]

Row = tuple[str, int, int | None, str | None]
Request = tuple[list[Row], int]

uids = st.sampled_from(UUIDS) | st.sampled_from(["a", "b", "c"])
rows = st.tuples(uids, st.integers(-40, 60), st.none() | st.integers(-9, 9), st.sampled_from(["x", "", None]))
requests = st.lists(st.tuples(st.lists(rows, min_size=1, max_size=4), st.integers(0, 80)), min_size=1, max_size=6)


def batches_of(request: Sequence[Row], received_day: int) -> list[UsageBatch]:
    """A request as ingest makes batches of it: each uid once, a batch a month, the digest of the content."""
    first: dict[str, Row] = {}
    for row in request:
        first.setdefault(row[0], row)
    months: dict[str, list[Row]] = {}
    for row in first.values():
        months.setdefault(month_of(microseconds(START + timedelta(days=row[1]))), []).append(row)
    return [
        UsageBatch(
            SCOPE,
            month,
            hashlib.sha256(repr((request, members)).encode()).hexdigest()[:32],
            START + timedelta(days=received_day),
            Columns(
                [row[0] for row in members],
                [microseconds(START + timedelta(days=row[1])) for row in members],
                [None] * len(members),
                {"tokens": [row[2] for row in members]},
                {"model": [row[3] for row in members]},
            ),
        )
        for month, members in months.items()
    ]


def stored(log: FakeUsageLog) -> Stored:
    """What a read would fetch: the items of the span, and all others as possible copies."""
    items = [(batch, stored_item(batch.month, item)) for batch in log.batches.values() for item in packed_items(batch)]
    return Stored(
        [item for batch, item in items if batch.month == "2026-02"],
        [item for batch, item in items if batch.month != "2026-02"],
    )


@settings(max_examples=60, deadline=None)
@given(requests, st.data())
def test_the_packed_log_equals_the_plain_one_after_any_retries(sent: list[Request], data: st.DataObject) -> None:
    log = FakeUsageLog()
    again = data.draw(st.lists(st.sampled_from(sent), max_size=3))
    for request, day in [*sent, *again]:
        log.append(batches_of(request, day))
    ours = aggregated(stored(log), START, END, QUERIES)
    plain = log.aggregate(SCOPE, START, END, QUERIES)
    assert ours == plain


@settings(max_examples=30, deadline=None)
@given(requests, st.randoms(use_true_random=False))
def test_the_order_in_which_batches_arrive_does_not_matter(sent: list[Request], random: Random) -> None:
    one, other = FakeUsageLog(), FakeUsageLog()
    one.append([batch for request, day in sent for batch in batches_of(request, day)])
    shuffled = list(one.batches.values())
    random.shuffle(shuffled)
    other.append(shuffled)
    assert aggregated(stored(one), START, END, QUERIES) == aggregated(stored(other), START, END, QUERIES)


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, min_size=1, max_size=4, unique_by=lambda row: row[0]), st.integers(1, 35))
def test_sending_again_within_35_days_never_changes_a_count(request: list[Row], later: int) -> None:
    log = FakeUsageLog()
    log.append(batches_of(request, 10))
    before = aggregated(stored(log), START, END, QUERIES)
    log.append(batches_of([*reversed(request), ("new", 70, 1, "x")], 10 + later))
    assert aggregated(stored(log), START, END, QUERIES) == before


def test_uids_are_unpacked_once_an_item_however_many_measurements_share_an_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unpacked: list[int] = []

    def counting(item: StoredItem) -> list[str]:
        unpacked.append(item.count)
        return uid_texts(item)

    monkeypatch.setattr(usage, "uid_texts", counting)
    log = FakeUsageLog()
    for value in (7, Decimal(10) ** 37 + 1):  # in 64 bits, and beyond
        row = [microseconds(START)] * 60, [None] * 60, {"tokens": [value] * 60}, {"model": ["x", "y", "z"] * 20}
        log.append(
            [
                UsageBatch(
                    SCOPE, "2026-02", f"{value:032}"[:32], START, Columns([f"{value}-{n}" for n in range(60)], *row)
                )
            ]
        )
        assert aggregated(stored(log), START, END, [AggregationQuery("LATEST", "tokens", ("model",))])
    assert unpacked == [60] * 3

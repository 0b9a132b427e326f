"""Merging changes no answer, whenever and however often it happens (metering.md 1; design: packed, counted once)."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.stores import DYNAMODB_TARGETS
from tests.contract.usage_clients import Interrupted, LaggingIndex
from tests.fakes.usage_log import FakeUsageLog
from usance.adapters.dynamodb import usage_merging
from usance.adapters.dynamodb.usage_ledger import DynamoUsageLedger
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.adapters.dynamodb.usage_merging import PARTS_MAX, PARTS_MIN, DynamoUsageMerger
from usance.application.ports.usage_log import AggregationQuery, UsageBatch, UsageScope
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds, month_of

SCOPE = UsageScope("org", "meter", "account")
START, END = datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
LATER = END + timedelta(days=1)
FAILING = 0.08  # of calls
METHODS = ("SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE")
QUERIES = [
    *(AggregationQuery(method, "tokens") for method in METHODS),
    AggregationQuery("SUM", "tokens", group_by=("model",)),
    AggregationQuery("COUNT", "model", bucket_starts=(START, JANUARY, datetime(2026, 2, 1, tzinfo=UTC))),
    AggregationQuery("UNIQUE", "model"),
]
MIXED = [  # a field that was text in some requests and number in others
    AggregationQuery("COUNT", "mixed"),
    AggregationQuery("SUM", "mixed"),
    AggregationQuery("UNIQUE", "mixed"),
    AggregationQuery("COUNT", "tokens", ("mixed",)),
]


@dataclass
class Stored:
    """A table whose index is behind with merging, with what it must answer kept beside it."""

    client: Any
    table: str

    def __post_init__(self) -> None:
        self.lagging = LaggingIndex(self.client, Random(0))
        self.log = DynamoUsageLog(self.lagging, self.table)
        self.merger = DynamoUsageMerger(self.client, self.table)
        self.plain = FakeUsageLog()

    def append(self, *batches: UsageBatch) -> None:
        """An item of each, as if they had come one by one; at once they take half the time."""
        self.log.append(batches)
        self.plain.append(batches)

    def merge(self, *, before: datetime = LATER) -> int:
        return sum(self.merger.merge(SCOPE, month, before) for month in ("2025-12", "2026-01", "2026-02", "2026-03"))

    def items(self) -> int:
        pages = self.client.get_paginator("scan").paginate(TableName=self.table)
        return sum("n" in item for page in pages for item in page["Items"])

    def check(self) -> None:
        assert self.log.aggregate(SCOPE, START, END, QUERIES) == self.plain.aggregate(SCOPE, START, END, QUERIES)
        for low, high in ((START, END), (JANUARY, JANUARY + timedelta(days=9))):
            span: Any = {"where": {}, "limit": 10_000}
            assert self.log.measurements(SCOPE, low, high, **span) == self.plain.measurements(SCOPE, low, high, **span)


@pytest.fixture(params=DYNAMODB_TARGETS)
def stored(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], tuple[Any, str]]) -> Stored:
    return Stored(*fresh_table(request.param, "UsageTable"))


def single(number: int, at: datetime, received: datetime, value: Any = 1, **texts: Any) -> UsageBatch:
    """A request of one measurement."""
    numbers = {"tokens": [value]}
    columns = Columns(
        [f"uid-{number}"], [microseconds(at)], [None], numbers, {name: [text] for name, text in texts.items()}
    )
    return UsageBatch(
        SCOPE, month_of(microseconds(at)), f"{hash((number, at, received)) & (2**128 - 1):032x}", received, columns
    )


def batches(random: Random, count: int) -> Iterator[UsageBatch]:
    """Requests of one to three measurements, of four months, with copies of others and values of every kind."""
    received = JANUARY
    for number in range(count):
        received += timedelta(minutes=random.choice([0, 1, 5, 60]))
        size = random.randint(1, 3)
        at = START + timedelta(minutes=random.randrange(int((END - START) / timedelta(minutes=1)) - 5))
        month = month_of(microseconds(at))
        ts = [microseconds(at) + place for place in range(size)]
        tokens = [random.choice([1, -7, Decimal("0.25"), Decimal(10) ** 30 + number, None]) for _ in range(size)]
        numbers: dict[str, Sequence[Any]] = {"tokens": tokens}
        texts: dict[str, Sequence[Any]] = {"model": [random.choice(["a", "b", "größe", None]) for _ in range(size)]}
        uids = [f"uid-{random.randrange(count * 2)}" for _ in range(size)]
        ets = [random.choice([None, one + 5]) for one in ts]
        columns = Columns(uids, ts, ets, numbers, texts)
        yield UsageBatch(SCOPE, month, f"{random.getrandbits(128):032x}", received, columns)


@pytest.mark.parametrize("seed", range(4))
def test_answers_stay_while_usage_comes_and_is_merged(stored: Stored, seed: int) -> None:
    random = Random(seed)
    sent: list[UsageBatch] = []
    for batch in batches(random, 400):
        stored.append(batch)
        sent.append(batch)
        if random.random() < 0.05:
            stored.append(random.choice(sent))  # a client that was not sure; its item may be merged already
        if random.random() < 0.01:
            stored.merge(before=batch.received_at)
            stored.check()
    before = stored.items()
    stored.check()
    assert stored.merge() > 0
    stored.check()
    assert stored.items() < before
    assert stored.merge() == 0
    stored.check()


class Flaky:
    """A client whose calls fail now and then, before the store did anything or after it did all."""

    def __init__(self, client: Any, random: Random) -> None:
        self._client = client
        self._random = random
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name == "get_paginator":
            return lambda of: Flaky(found(of), self._random)

        def call(**request: Any) -> Any:
            drawn = self._random.random()
            if drawn < FAILING / 2:
                self._fail()
            answer = found(**request)
            if drawn > 1 - FAILING / 2:
                self._fail()
            return answer

        return call

    def _fail(self) -> None:
        self.failures += 1
        raise ConnectionClosedError(endpoint_url="x")


def until_it_works(attempt: Callable[[], Any]) -> Any:
    for _ in range(200):
        try:
            return attempt()
        except UnavailableError:
            continue
    raise AssertionError("it never works")


@pytest.mark.parametrize("seed", range(3))
def test_writers_mergers_and_readers_that_fail_half_way_and_repeat_count_once(stored: Stored, seed: int) -> None:
    """Requests of several items, of which a failure stores some; they are sent again, at once or after others."""
    random = Random(seed)
    flaky = Flaky(stored.lagging, random)
    log, merger = DynamoUsageLog(flaky, stored.table), DynamoUsageMerger(flaky, stored.table)
    waiting: list[Sequence[UsageBatch]] = []
    requests = list(batches(random, 240))
    for at in range(0, len(requests), 3):
        waiting.append(requests[at : at + 3])
        stored.plain.append(requests[at : at + 3])
        random.shuffle(waiting)
        for request in list(waiting[: random.choice([0, 1, 1, 2])]):
            with contextlib.suppress(UnavailableError):
                log.append(request)
                waiting.remove(request)
        if random.random() < 0.1:
            with contextlib.suppress(UnavailableError):
                merger.merge(SCOPE, random.choice(["2026-01", "2026-02"]), requests[at].received_at)
    for request in waiting:
        until_it_works(lambda request=request: log.append(request))  # type: ignore[misc]
    for month in ("2025-12", "2026-01", "2026-02", "2026-03"):
        until_it_works(lambda month=month: merger.merge(SCOPE, month, LATER))  # type: ignore[misc]
    assert flaky.failures > 20
    answers = until_it_works(lambda: log.aggregate(SCOPE, START, END, QUERIES))
    assert answers == stored.plain.aggregate(SCOPE, START, END, QUERIES)
    stored.check()


def test_a_field_of_two_kinds_is_not_mixed_up(stored: Stored) -> None:
    for number in range(PARTS_MIN * 4):
        received = JANUARY + timedelta(seconds=number)
        more = {"mixed": "text"} if number < PARTS_MIN else {}
        batch = single(number, JANUARY, received, **more)
        if not more:
            batch = replace(batch, columns=replace(batch.columns, numbers={"tokens": [1], "mixed": [number]}))
        stored.append(batch)
    answers = stored.plain.aggregate(SCOPE, START, END, MIXED)
    assert stored.log.aggregate(SCOPE, START, END, MIXED) == answers
    stored.check()
    assert stored.merge() == 2
    assert stored.log.aggregate(SCOPE, START, END, MIXED) == answers
    stored.check()


def test_what_was_received_in_one_instant_stays_together(stored: Stored) -> None:
    stored.append(*(single(number, JANUARY, JANUARY) for number in range(PARTS_MAX + 1)))
    assert stored.merge() == 0
    stored.check()


def test_items_of_single_events_become_few(stored: Stored) -> None:
    stored.append(
        *(
            single(number, JANUARY + timedelta(minutes=number), JANUARY + timedelta(minutes=number // 2))
            for number in range(PARTS_MAX * 5)
        )
    )
    assert stored.merge() >= 5
    assert stored.items() < 5 + PARTS_MIN
    stored.check()


@pytest.mark.parametrize("seed", range(3))
def test_parts_that_pack_worse_together_become_items_that_fit(
    stored: Stored, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One uid that is no UUID makes texts of all that it is merged with; a number of many places, texts of numbers."""
    chance = Random(seed)
    monkeypatch.setattr(usage_merging, "ITEM_MAX_BYTES", 20_000)
    odd = set(chance.sample(range(80), 3))
    for number in range(80):
        uids = ["made up"] if number in odd else [str(UUID(int=chance.getrandbits(128))) for _ in range(20)]
        at = JANUARY + timedelta(minutes=number)
        tokens = [Decimal("1e-25") if number in odd else chance.randrange(10**9) for _ in uids]
        columns = Columns(uids, [microseconds(at)] * len(uids), [None] * len(uids), {"tokens": tokens}, {})
        stored.append(UsageBatch(SCOPE, "2026-01", f"{number:032x}", END + timedelta(seconds=number), columns))
    before = stored.items()
    assert stored.merge() > 0
    assert stored.items() < before / 4
    pages = stored.client.get_paginator("scan").paginate(TableName=stored.table)
    assert all(usage_merging._size(item) <= 20_000 for page in pages for item in page["Items"] if "n" in item)
    stored.check()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=99))
def test_halves_leave_no_part_out_and_cut_between_instants(receipts: list[int]) -> None:
    row = {"sk": {"S": ""}, "fields": {"M": {}}}
    parts = [usage_merging._Part(row, received, 1) for received in sorted(receipts)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(usage_merging, "PARTS_MIN", 1)
        halves = list(usage_merging._halves(parts))
    assert [part for half in halves for part in half] == (parts if len(set(receipts)) > 1 else [])
    assert all(left[-1].received < right[0].received for left, right in pairwise(halves))
    assert all(len(half) < len(parts) for half in halves)  # so that halving ends


def test_what_was_just_received_is_left_alone(stored: Stored) -> None:
    received = JANUARY + timedelta(days=1)
    for number in range(PARTS_MIN * 2):
        stored.append(single(number, JANUARY, received if number % 2 else received + timedelta(minutes=1)))
    assert stored.merge(before=received) == 0
    assert stored.merge(before=received + timedelta(seconds=1)) == 1
    assert stored.items() == PARTS_MIN + 1
    stored.check()


def test_few_items_are_not_worth_it(stored: Stored) -> None:
    for number in range(PARTS_MIN - 1):
        stored.append(single(number, JANUARY, JANUARY))
    assert stored.merge() == 0


def test_a_request_that_comes_again_after_its_item_was_merged_counts_once(stored: Stored) -> None:
    sent = [single(number, JANUARY, JANUARY, value=number) for number in range(PARTS_MIN)]
    for batch in sent:
        stored.append(batch)
    stored.merge()
    again = UsageBatch(SCOPE, sent[3].month, sent[3].digest, JANUARY + timedelta(hours=2), sent[3].columns)
    stored.append(again)
    stored.check()
    assert stored.log.aggregate(SCOPE, START, END, [QUERIES[0]])[0][0].value == sum(range(PARTS_MIN))


def test_workers_that_merge_at_once_and_readers_in_between_agree(stored: Stored) -> None:
    stored.append(
        *(
            single(
                number,
                JANUARY + timedelta(minutes=number),
                JANUARY + timedelta(seconds=number),
                number,
                model=f"m{number % 3}",
            )
            for number in range(PARTS_MAX * 3)
        )
    )
    expected = stored.plain.aggregate(SCOPE, START, END, QUERIES)
    with ThreadPoolExecutor(8) as pool:
        merges = [pool.submit(stored.merge) for _ in range(3)]
        reads = [pool.submit(stored.log.aggregate, SCOPE, START, END, QUERIES) for _ in range(20)]
        assert all(read.result() == expected for read in reads)
        assert sum(merge.result() for merge in merges) >= 3
    stored.check()


def test_no_merge_between_two_steps_of_a_reader_shows_or_hides_a_copy(stored: Stored) -> None:
    """Copies in two months; one month is merged, then once more, at each call that a reader of the other makes."""
    months = ("2026-01", "2026-02")
    for number in range(PARTS_MIN):
        for month in months:
            at = datetime.fromisoformat(f"{month}-15T00:00:00+00:00")
            stored.append(single(number, at, JANUARY + timedelta(minutes=number, seconds=month == months[1])))
    expected = stored.plain.aggregate(SCOPE, START, END, QUERIES)
    span = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    later = stored.plain.aggregate(SCOPE, *span, QUERIES)
    met = 0
    for at in range(7):
        reader = Interrupted(stored.lagging, at, lambda: stored.merger.merge(SCOPE, months[0], LATER))
        assert DynamoUsageLog(reader, stored.table).aggregate(SCOPE, *span, QUERIES) == later
        met += reader.interrupted
        for number in range(PARTS_MIN):  # sent again, after its item was merged
            batch = single(number + at * PARTS_MIN, JANUARY + timedelta(days=at), JANUARY + timedelta(hours=1))
            stored.append(replace(batch, columns=replace(batch.columns, uids=[f"uid-{number}"])))
    assert met >= 4
    assert stored.log.aggregate(SCOPE, START, END, QUERIES) == expected


def test_an_auditor_finds_the_month_of_what_the_index_has_lost_to_merging(stored: Stored) -> None:
    for number in range(PARTS_MIN):
        stored.append(single(number, JANUARY, JANUARY + timedelta(minutes=number)))
    stored.merge()
    ledger = DynamoUsageLedger(LaggingIndex(stored.client, Random(0)), stored.table)
    assert ledger.months_received(SCOPE, JANUARY, LATER) == ["2026-01"]


def test_a_merged_item_that_is_lost_keeps_nobody_from_reading_the_rest(stored: Stored) -> None:
    for number in range(PARTS_MIN):
        stored.append(single(number, JANUARY, JANUARY + timedelta(minutes=number)))
    stored.merge()
    (lost,) = [row for row in stored.client.scan(TableName=stored.table)["Items"] if "n" in row]
    stored.client.delete_item(TableName=stored.table, Key={name: lost[name] for name in ("pk", "sk")})
    stored.append(single(100, JANUARY, JANUARY + timedelta(days=1), value=7))
    assert stored.log.aggregate(SCOPE, START, END, [QUERIES[0]])[0][0].value == 7


def test_items_merged_twice_leave_no_row_behind(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_merging, "PARTS_MAX", PARTS_MIN)
    for number in range(PARTS_MIN * PARTS_MIN):
        stored.append(single(number, JANUARY, JANUARY + timedelta(minutes=number)))
    assert stored.merge() == PARTS_MIN + 1
    pages = stored.client.get_paginator("scan").paginate(TableName=stored.table)
    rows = [item for page in pages for item in page["Items"]]
    (found,) = [row["sk"]["S"] for row in rows if row["pk"]["S"].endswith("#merged")]
    assert [row["received"]["S"] for row in rows if "n" in row] == [found]
    stored.check()


def test_merged_items_of_before_they_had_rows_are_found_by_the_index_and_merged_again(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_merging, "PARTS_MIN", 2)
    monkeypatch.setattr(usage_merging, "PARTS_MAX", 2)
    stored.append(*(single(number, JANUARY, JANUARY + timedelta(minutes=number)) for number in range(4)))
    with monkeypatch.context() as once:
        once.setattr(usage_merging, "LEVELS", 1)
        assert stored.merge() == 2
    for row in stored.client.scan(TableName=stored.table)["Items"]:
        if row["pk"]["S"].endswith("#merged"):
            stored.client.delete_item(TableName=stored.table, Key={name: row[name] for name in ("pk", "sk")})
        elif "n" in row:
            old = {**row, "scope": {"S": "org#meter#account"}}
            stored.client.put_item(TableName=stored.table, Item=old)
    february = datetime(2026, 2, 1, tzinfo=UTC)
    copy = single(9, february, JANUARY + timedelta(days=20))
    stored.append(replace(copy, columns=replace(copy.columns, uids=["uid-3"])))
    log, ledger = DynamoUsageLog(stored.client, stored.table), DynamoUsageLedger(stored.client, stored.table)
    for merged in (0, 1):
        assert (stored.merge() if merged else 0) == merged
        assert log.aggregate(SCOPE, february, END, QUERIES) == stored.plain.aggregate(SCOPE, february, END, QUERIES)
        assert log.aggregate(SCOPE, START, END, QUERIES) == stored.plain.aggregate(SCOPE, START, END, QUERIES)
        assert ledger.months_received(SCOPE, JANUARY, JANUARY + timedelta(days=1)) == ["2026-01"]


def test_a_call_merges_a_bounded_number(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_merging, "GROUPS_MAX", 1)
    stored.append(*(single(number, JANUARY, JANUARY + timedelta(minutes=number)) for number in range(PARTS_MAX * 2)))
    assert stored.merger.merge(SCOPE, "2026-01", LATER) == 1
    assert stored.merger.merge(SCOPE, "2026-01", LATER) == 1
    stored.check()

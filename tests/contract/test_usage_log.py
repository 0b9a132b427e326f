"""What every log of measurements promises; the fake and the real one answer alike."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.usage_log import FakeUsageLog
from usance.adapters.dynamodb.usage_log import DynamoUsageLog
from usance.application.ports.read_budget import ReadBudget, TooMuchUsageError
from usance.application.ports.usage_log import (
    AggregatedRow,
    AggregationQuery,
    Moment,
    Repeat,
    Repeats,
    UsageBatch,
    UsageScope,
)
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.aggregation import OF_ANY_FIELD, Method
from usance.domain.metering.columns import Columns
from usance.domain.metering.evidence import evidence, fingerprint
from usance.domain.metering.instants import microseconds, month_of

SCOPE = UsageScope("org", "meter", "account")
JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
HUGE = Decimal(12345678901234567890123456789012345678)

Log = FakeUsageLog | DynamoUsageLog


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def log(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], tuple[Any, str]]) -> Log:
    if request.param == "fake":
        return FakeUsageLog()
    return DynamoUsageLog(*fresh_table(request.param, "UsageTable"))


def at(day: float, month: int = 1) -> datetime:
    """An instant of 2026, by day of the month and its fraction."""
    return datetime(2026, month, 1, tzinfo=UTC) + timedelta(days=day - 1)


def send(
    log: Log,
    *rows: tuple[str, datetime, Any],
    received: datetime = MARCH,
    field: str = "tokens",
    texts: Sequence[str | None] | None = None,
    scope: UsageScope = SCOPE,
    digest: str | None = None,
) -> None:
    """Append measurements `(uid, ts, value)` of one month, received at once."""
    ts = [microseconds(instant) for _, instant, _ in rows]
    values = [value for _, _, value in rows]
    numbers = {} if all(isinstance(value, str) for value in values) else {field: values}
    columns = Columns(
        [uid for uid, _, _ in rows],
        ts,
        [None] * len(rows),
        numbers,
        ({} if numbers else {field: values}) | ({} if texts is None else {"model": texts}),
    )
    content = digest or f"{hash((rows, received)) & (2**128 - 1):032x}"
    log.append([UsageBatch(scope, month_of(min(ts)), content, received, columns)])


def value(log: Log, method: str, field: str = "tokens", *, start: datetime = JANUARY, end: datetime = FEBRUARY) -> Any:
    """The one value of an aggregation; None when there is no row."""
    rows = rows_of(log, AggregationQuery(method, field), start=start, end=end)
    return rows[0].value if rows else None


def rows_of(
    log: Log, query: AggregationQuery, *, start: datetime = JANUARY, end: datetime = FEBRUARY
) -> Sequence[AggregatedRow]:
    return list(log.aggregate(SCOPE, start, end, [query])[0])


def test_without_usage_there_are_no_rows(log: Log) -> None:
    assert log.aggregate(SCOPE, JANUARY, FEBRUARY, [AggregationQuery("SUM", "tokens")] * 2) == [[], []]
    assert log.aggregate(SCOPE, JANUARY, JANUARY, [AggregationQuery("SUM", "tokens")]) == [[]]


def test_every_method_over_whole_numbers(log: Log) -> None:
    send(log, ("a", at(3), 10), ("b", at(2), 20), ("c", at(1), 60))
    methods = ("SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE")
    answers = log.aggregate(SCOPE, JANUARY, FEBRUARY, [AggregationQuery(method, "tokens") for method in methods])
    assert [str(rows[0].value) for rows in answers] == ["90", "10", "60", "3", "10", "30", "3"]
    assert {rows[0].count for rows in answers} == {3}


def test_copies_that_do_not_count_are_told(log: Log) -> None:
    late, later = MARCH + timedelta(hours=1), MARCH + timedelta(hours=2)
    send(log, ("a", at(3), 1), ("b", at(3), 2))
    send(log, ("a", at(4), 5), received=late)
    send(log, ("a", at(3), 1), ("c", at(3), 2), received=later)
    send(log, ("b", at(3, month=2), 9), received=later)

    def told(since: datetime, start: datetime = JANUARY, end: datetime = FEBRUARY, limit: int = 9) -> list[Repeat]:
        repeats = Repeats(microseconds(since), limit)
        queries = [AggregationQuery("SUM", "tokens"), AggregationQuery("COUNT", "tokens")]
        assert log.aggregate(SCOPE, start, end, queries, repeats=repeats)
        return sorted(repeats.found, key=lambda one: one.received)

    first = Repeat(SCOPE, "a", microseconds(at(4)), microseconds(late))
    second = Repeat(SCOPE, "a", microseconds(at(3)), microseconds(later))
    assert told(JANUARY) == [first, second]
    assert told(later) == [second]
    assert told(later + timedelta(microseconds=1)) == []
    assert told(JANUARY, end=at(4)) == [second]
    assert len(told(JANUARY, limit=1)) == 1
    assert [one.uid for one in told(JANUARY, FEBRUARY, MARCH)] == ["b"]


def test_percentiles_are_values_by_nearest_rank(log: Log) -> None:
    send(log, *((f"u{number}", at(1 + number / 100), Decimal(number) / 10) for number in range(1, 41)))
    answers = {name: str(value(log, name)) for name in ("P50", "P75", "P90", "P95", "P99")}
    assert answers == {"P50": "2", "P75": "3", "P90": "3.6", "P95": "3.8", "P99": "4"}
    send(log, ("huge", at(2), HUGE))
    assert value(log, "P99") == HUGE
    assert value(log, "P50") == Decimal("2.1")


def test_a_time_weighted_sum_counts_values_for_as_long_as_they_hold(log: Log) -> None:
    """10 for a day, 4 for half a day, 7 until the end: 240 + 48 + 7 x 24 x 29.5 hours."""
    send(log, ("a", at(1), 10), ("b", at(2), 4), ("c", at(2.5), 7))
    assert value(log, "TIME_WEIGHTED_SUM") == 240 + 48 + 7 * 24 * Decimal("29.5")
    assert value(log, "TIME_WEIGHTED_SUM", end=at(2)) == 240
    rows = rows_of(log, AggregationQuery("TIME_WEIGHTED_SUM", "tokens", bucket_starts=(JANUARY, at(2), at(3))))
    assert [row.value for row in rows] == [240, 48 + 7 * 12]
    send(log, ("d", at(2.5), 1), received=MARCH + timedelta(seconds=1))  # of one instant the last received holds
    assert value(log, "TIME_WEIGHTED_SUM", end=at(3)) == 240 + 48 + 12
    send(log, ("e", at(1), 5), texts=["x"], received=MARCH + timedelta(seconds=2))
    [_, named] = rows_of(log, AggregationQuery("TIME_WEIGHTED_SUM", "tokens", group_by=("model",)), end=at(2))
    assert (named.group["model"], named.value) == ("x", 120)


@pytest.mark.parametrize("values", [[10, Decimal("0.25")], [HUGE, Decimal("0.25")]])
def test_rows_hold_their_observations_when_asked_to(log: Log, values: list[Decimal | int]) -> None:
    one, other = values
    send(log, ("a", at(3), one), ("b", at(2), other), texts=["x", "x"])
    send(log, ("c", at(2), 4), texts=["y"], received=MARCH + timedelta(seconds=1))
    query = AggregationQuery("P50", "tokens", group_by=("model",), bucket_starts=(JANUARY, at(2.5)), hold=True)
    found = {
        (row.group["model"], row.bucket_start): [(one.value, one.ts, one.uid) for one in row.held]
        for row in rows_of(log, query)
    }
    assert found == {
        ("x", JANUARY): [(Decimal("0.25"), microseconds(at(2)), "b")],
        ("x", at(2.5)): [(one, microseconds(at(3)), "a")],
        ("y", JANUARY): [(4, microseconds(at(2)), "c")],
    }
    assert rows_of(log, AggregationQuery("P50", "tokens"))[0].held == ()


def test_decimals_are_exact_and_shown_without_trailing_zeros(log: Log) -> None:
    send(log, ("a", at(1), Decimal("0.1")), ("b", at(1), Decimal("0.20")), ("c", at(1), Decimal("-1E+3")))
    send(log, ("d", at(1), Decimal("1e-18")), ("e", at(1), 5))
    assert str(value(log, "SUM")) == "-994.699999999999999999"
    assert str(value(log, "MIN")) == "-1000"
    assert str(value(log, "MAX")) == "5"


def test_numbers_of_38_digits_survive(log: Log) -> None:
    send(log, ("a", at(1), HUGE), ("b", at(1), Decimal("0.00000000000000000000000000000000000001")))
    send(log, ("c", at(2), 7), ("d", at(3), HUGE.copy_negate()))
    assert value(log, "SUM") == Decimal("7.00000000000000000000000000000000000001")
    assert value(log, "MAX") == HUGE
    assert value(log, "LATEST") == HUGE.copy_negate()
    assert value(log, "UNIQUE") == 4


def test_large_values_of_many_scales_do_not_overflow(log: Log) -> None:
    send(log, ("a", at(1), 2**63 - 1), ("b", at(1), 2**63 - 1))
    send(log, ("c", at(1), Decimal("0.000001")), ("d", at(1), -(2**63)))
    assert value(log, "SUM") == Decimal(2**63 - 2) + Decimal("0.000001")


def test_a_mean_has_38_digits(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(1), 1), ("c", at(1), 0))
    assert value(log, "MEAN") == Decimal("0." + "6" * 37 + "7")


def test_texts_are_counted_and_have_no_other_value(log: Log) -> None:
    send(log, ("a", at(1), "ü"), ("b", at(1), "x"), ("c", at(1), "ü"), field="who")
    assert value(log, "UNIQUE", "who") == 2
    assert value(log, "COUNT", "who") == 3
    for method in Method:
        if method in OF_ANY_FIELD:
            continue
        assert [(row.value, row.count) for row in rows_of(log, AggregationQuery(method, "who"))] == [(None, 3)]
        assert [row.held for row in rows_of(log, AggregationQuery(method, "who", hold=True))] == [[]]
    with pytest.raises(InvalidInputError, match="NOPE"):
        value(log, "NOPE", "who")


def test_a_count_of_numbers_leaves_texts_out(log: Log) -> None:
    query = AggregationQuery("COUNT", "who", of_numbers=True)
    send(log, ("a", at(1), "ü"), ("b", at(1), "x"), field="who")
    assert [row.value for row in rows_of(log, query)] == [0]
    send(log, ("c", at(2), 4), ("d", at(2), None), field="who")
    assert [row.value for row in rows_of(log, query)] == [1]
    assert value(log, "COUNT", "who") == 3


def test_values_that_are_absent_do_not_count(log: Log) -> None:
    send(log, ("a", at(1), None), ("b", at(2), 4))
    send(log, ("c", at(3), 9), field="other")
    assert [value(log, method) for method in ("SUM", "COUNT", "LATEST", "MEAN")] == [4, 1, 4, 4]
    assert rows_of(log, AggregationQuery("SUM", "tokens"))[0].count == 3
    assert value(log, "SUM", "unknown") is None
    assert value(log, "COUNT", "unknown") == 0


def test_a_span_is_half_open(log: Log) -> None:
    send(log, ("a", JANUARY, 1), ("b", FEBRUARY - timedelta(microseconds=1), 2))
    send(log, ("c", FEBRUARY, 4))
    assert value(log, "SUM") == 3
    assert value(log, "SUM", end=MARCH) == 7
    assert value(log, "SUM", start=at(2), end=FEBRUARY) == 2


def test_a_span_that_ends_inside_a_batch_is_half_open(log: Log) -> None:
    send(log, ("a", at(2), 1), ("b", at(3), 2), ("c", at(4), 4))
    assert value(log, "SUM", start=at(2), end=at(4)) == 3
    assert value(log, "SUM", start=at(3), end=at(4)) == 2
    assert value(log, "LATEST", end=at(4)) == 2
    assert rows_of(log, AggregationQuery("SUM", "tokens"), start=at(4) + timedelta(microseconds=1)) == []


def test_groups_and_buckets_cut_the_usage(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(2), 2), ("c", at(2), 3), ("d", at(3), 4), texts=["x", "y", "x", None])
    query = AggregationQuery("SUM", "tokens", ("model",), (JANUARY, at(2), at(3)))
    assert [(row.group["model"], row.bucket_start, row.value) for row in rows_of(log, query)] == [
        ("", at(3), 4),
        ("x", JANUARY, 1),
        ("x", at(2), 3),
        ("y", at(2), 2),
    ]
    latest = AggregationQuery("LATEST", "tokens", ("model",))
    assert [row.value for row in rows_of(log, latest)] == [4, 3, 2]


def test_no_text_and_an_empty_text_are_one_group(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(1), 2), ("c", at(1), 4), texts=["", None, "x"])
    send(log, ("d", at(2), 8))
    for method, values in (("SUM", [11, 4]), ("LATEST", [8, 4])):
        found = rows_of(log, AggregationQuery(method, "tokens", ("model",)))
        assert [(row.group["model"], row.value) for row in found] == list(zip(["", "x"], values, strict=True))


def test_the_latest_of_one_instant_is_the_one_received_last_then_of_the_greatest_uid(log: Log) -> None:
    send(log, ("b", at(1), 1), ("a", at(1), 2), received=MARCH)
    assert value(log, "LATEST") == 1
    send(log, ("A", at(1), 3), received=MARCH + timedelta(seconds=1))
    assert value(log, "LATEST") == 3


def test_the_same_batch_twice_counts_once_with_its_first_receipt(log: Log) -> None:
    send(log, ("a", at(1), 1), received=MARCH, digest="0" * 32)
    send(log, ("a", at(1), 1), received=MARCH + timedelta(days=40), digest="0" * 32)
    send(log, ("a", at(2), 5), received=MARCH + timedelta(days=20))
    assert value(log, "SUM") == 1


def test_the_copy_received_first_counts(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(1), 10), received=MARCH + timedelta(seconds=2))
    send(log, ("a", at(2), 2), ("c", at(2), 100), received=MARCH + timedelta(seconds=1))
    assert value(log, "SUM") == 112


def test_a_copy_in_another_month_does_not_count_either(log: Log) -> None:
    send(log, ("a", at(1), 1), received=FEBRUARY)
    send(log, ("a", at(1, month=2), 2), ("b", at(1, month=2), 4), received=FEBRUARY + timedelta(days=35))
    assert value(log, "SUM") == 1
    assert value(log, "SUM", start=FEBRUARY, end=MARCH) == 4
    assert value(log, "SUM", end=MARCH) == 5


def test_of_copies_received_at_once_in_two_months_the_earlier_month_counts(log: Log) -> None:
    send(log, ("a", at(1), 1))
    send(log, ("a", at(1, month=2), 2), ("b", at(1, month=2), 4))
    assert value(log, "SUM") == 1
    assert value(log, "SUM", start=FEBRUARY, end=MARCH) == 4


def test_after_35_days_a_uid_may_return(log: Log) -> None:
    send(log, ("a", at(1), 1), received=FEBRUARY)
    send(log, ("a", at(1, month=2), 2), received=FEBRUARY + timedelta(days=35, microseconds=1))
    assert value(log, "SUM", end=MARCH) == 3


def test_accounts_do_not_share_uids(log: Log) -> None:
    send(log, ("a", at(1), 1))
    send(log, ("a", at(1), 2), scope=UsageScope("org", "meter", "other"))
    assert value(log, "SUM") == 1


def test_uuids_and_other_uids_meet(log: Log) -> None:
    uuid = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"
    send(log, (uuid, at(1), 1), received=MARCH)
    send(log, (uuid, at(2), 2), ("not-a-uuid", at(2), 4), received=MARCH + timedelta(seconds=1))
    assert value(log, "SUM") == 5


def test_a_batch_too_large_for_one_item_is_kept_whole(log: Log) -> None:
    noise = Random(1)
    rows = [(f"u{number}", at(1 + number / 1000), noise.randbytes(500).hex()) for number in range(999)]
    send(log, *rows, field="note")
    send(log, *rows, field="note")
    assert value(log, "COUNT", "note") == 999
    assert value(log, "UNIQUE", "note") == 999


def test_many_batches_at_once(log: Log) -> None:
    columns = Columns(["a"], [microseconds(at(1))], [microseconds(at(2))], {"tokens": [1]}, {})
    log.append([UsageBatch(SCOPE, "2026-01", f"{number:032x}", MARCH, columns) for number in range(40)])
    assert value(log, "COUNT") == 1


def test_scopes_are_those_with_usage_in_the_months_asked_for(log: Log) -> None:
    other, foreign = UsageScope("org", "meter", "b"), UsageScope("other", "meter", "c")
    send(log, ("a", at(3), 1))
    send(log, ("a", at(3), 1), received=FEBRUARY)
    send(log, ("a", at(3), 1), scope=other)
    send(log, ("b", at(3, month=3), 1), scope=UsageScope("org", "a meter", "account"))
    send(log, ("a", at(3), 1), scope=foreign)
    assert log.scopes("org", JANUARY, FEBRUARY) == [SCOPE, other]
    assert log.scopes("org", FEBRUARY, MARCH) == []
    assert log.scopes("org", at(31), at(2, month=3)) == [UsageScope("org", "a meter", "account"), SCOPE, other]
    assert log.scopes("org", JANUARY, JANUARY) == []
    assert log.scopes("nobody", JANUARY, FEBRUARY) == []


def test_measurements_are_whole_and_the_last_received_come_first(log: Log) -> None:
    send(log, ("a", at(1), Decimal("0.10")), ("b", at(2), None), received=FEBRUARY, texts=["x", None])
    send(log, ("c", at(1), Decimal("1E+2")), ("a", at(3), 7), received=MARCH, texts=["y", "x"])
    found = log.measurements(SCOPE, JANUARY, FEBRUARY, where={}, limit=10)
    assert [(one.uid, dict(one.numbers), dict(one.texts)) for one in found] == [
        ("c", {"tokens": Decimal(100)}, {"model": "y"}),
        ("b", {}, {}),
        ("a", {"tokens": Decimal("0.1")}, {"model": "x"}),
    ]
    assert (found[0].scope, found[0].ets) == (SCOPE, None)
    assert (found[0].ts, found[0].received) == (microseconds(at(1)), microseconds(MARCH))
    assert [one.uid for one in log.measurements(SCOPE, JANUARY, FEBRUARY, where={}, limit=2)] == ["c", "b"]
    assert [one.uid for one in log.measurements(SCOPE, at(2), FEBRUARY, where={}, limit=9)] == ["b"]
    assert [one.uid for one in log.measurements(SCOPE, JANUARY, FEBRUARY, where={"model": ["x"]}, limit=9)] == ["a"]
    assert log.measurements(SCOPE, FEBRUARY, MARCH, where={}, limit=9) == []


def test_a_measurement_keeps_its_end(log: Log) -> None:
    ts, end = microseconds(at(1)), microseconds(at(2))
    columns = Columns(["a", "b"], [ts, ts], [end, None], {"tokens": [1, 2]}, {})
    log.append([UsageBatch(SCOPE, "2026-01", "0" * 32, MARCH, columns)])
    found = log.measurements(SCOPE, JANUARY, FEBRUARY, where={}, limit=9)
    assert {one.uid: one.ets for one in found} == {"a": end, "b": None}


def test_only_measurements_with_a_wanted_text_are_aggregated(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(1), 2), ("c", at(1), 4), texts=["x", "y", None])
    send(log, ("d", at(2), 8), texts=["z"])
    for values, total in ((["x"], 1), (["x", "z"], 9), ([""], 4), (["none"], None), ([], None)):
        rows = rows_of(log, AggregationQuery("SUM", "tokens", where={"model": values}))
        assert (rows[0].value if rows else None) == total
    both = AggregationQuery("SUM", "tokens", ("model",), (), {"model": ["x", "y"]})
    assert [(row.group["model"], row.value) for row in rows_of(log, both)] == [("x", 1), ("y", 2)]


def test_measurements_with_an_unwanted_text_are_left_out(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(1), 2), ("c", at(1), 4), texts=["x", "y", None])
    for values, total in ((["x"], 6), (["x", "y"], 4), ([""], 3), (["none"], 7), ([], 7)):
        rows = rows_of(log, AggregationQuery("SUM", "tokens", without={"model": values}))
        assert rows[0].value == total
    both = AggregationQuery("SUM", "tokens", where={"model": ["x", "y"]}, without={"model": ["y"]})
    assert [row.value for row in rows_of(log, both)] == [1]


def test_the_latest_value_says_when_it_was(log: Log) -> None:
    send(log, ("a", at(3), 10), ("b", at(3), 20), ("c", at(1), 60))
    [row] = rows_of(log, AggregationQuery("LATEST", "tokens"))
    assert (row.value, row.latest) == (20, Moment(microseconds(at(3)), microseconds(MARCH), "b"))
    send(log, ("d", at(2), HUGE), ("e", at(4), Decimal("1E-38")))
    [row] = rows_of(log, AggregationQuery("LATEST", "tokens"))
    assert (row.value, row.latest) == (Decimal("1E-38"), Moment(microseconds(at(4)), microseconds(MARCH), "e"))
    assert rows_of(log, AggregationQuery("SUM", "tokens"))[0].latest is None


def test_no_more_is_read_than_allowed(log: Log) -> None:
    send(log, ("a", at(1), 1), ("b", at(2), 2), ("c", at(3), 4))
    query = AggregationQuery("SUM", "tokens")
    enough = ReadBudget(3)
    assert log.aggregate(SCOPE, JANUARY, FEBRUARY, [query], budget=enough)[0][0].value == 7
    with pytest.raises(TooMuchUsageError, match="more than 3 measurements"):
        log.measurements(SCOPE, JANUARY, FEBRUARY, where={}, limit=1, budget=enough)  # which has nothing left
    with pytest.raises(TooMuchUsageError, match="more than 2 measurements"):
        log.aggregate(SCOPE, JANUARY, FEBRUARY, [query], budget=ReadBudget(2))
    with pytest.raises(TooMuchUsageError, match="more than 0 MB"):
        log.measurements(SCOPE, JANUARY, FEBRUARY, where={}, limit=1, budget=ReadBudget(9, 1))


def test_rows_say_which_measurements_they_are_made_of(log: Log) -> None:
    rows = [("a", at(3), 5), ("b", at(5), 7), ("c", at(20), 1)]
    send(log, *rows, texts=["x", "y", "x"])
    send(log, ("a", at(3), 5), received=MARCH + timedelta(days=1), digest="copy")
    prints = {uid: fingerprint(uid, microseconds(ts), microseconds(MARCH)) for uid, ts, _ in rows}
    (whole,) = rows_of(log, AggregationQuery("SUM", "tokens", evidence=True))
    assert whole.evidence == evidence([microseconds(ts) for _, ts, _ in rows], prints.values())
    query = AggregationQuery("SUM", "tokens", ("model",), (JANUARY, at(10)), evidence=True)
    found = {(row.group["model"], row.bucket_start): row.evidence for row in rows_of(log, query)}
    assert found == {
        ("x", JANUARY): evidence([microseconds(at(3))], [prints["a"]]),
        ("x", at(10)): evidence([microseconds(at(20))], [prints["c"]]),
        ("y", JANUARY): evidence([microseconds(at(5))], [prints["b"]]),
    }


def test_evidence_is_told_on_request_alone(log: Log) -> None:
    send(log, ("a", at(3), 5))
    assert [row.evidence for row in rows_of(log, AggregationQuery("SUM", "tokens"))] == [None]

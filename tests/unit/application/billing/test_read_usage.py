"""Usage of several accounts, put together as one, against all of it in one account."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.fakes.usage_log import FakeUsageLog
from usance.application.billing.read_usage import CHAIN_MAX, read_usage
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.domain.billing.attached import UsageFilters
from usance.domain.billing.pool import Piece
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.metering.aggregation import Method
from usance.domain.metering.columns import Columns
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.evidence import Evidence
from usance.domain.metering.instants import microseconds

JANUARY = Instants(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
# Account, day, tokens, model
SENT = [("a", 1, 5, "x"), ("a", 20, 1, "y"), ("b", 10, 4, "x"), ("b", 25, 2, "z"), ("c", 12, 8, "x")]


def send(log: FakeUsageLog, account: str, uid: str, day: int, tokens: int, model: str) -> None:
    at = datetime(2026, 1, day, tzinfo=UTC)
    columns = Columns([uid], [microseconds(at)], [None], {"tokens": [tokens]}, {"model": [model]})
    scope = UsageScope("org", "meter", account)
    log.append([UsageBatch(scope, "2026-01", uid.rjust(32, "0"), at, columns)])


@pytest.fixture
def log() -> FakeUsageLog:
    """The usage of three accounts, and all of it again in the account `all`."""
    log = FakeUsageLog()
    for at, (account, *measured) in enumerate(SENT):
        send(log, account, f"{at}", *measured)
        send(log, "all", f"{at}", *measured)
    return log


def value(log: FakeUsageLog, method: str, *accounts: str, filters: UsageFilters | None = None) -> Decimal | None:
    field = "model" if method == "UNIQUE" else "tokens"
    pieces = tuple(Piece(account, JANUARY) for account in accounts)
    query = UsageQuery("aggregation", JANUARY, None, "meter", method, field, pieces, filters or UsageFilters())
    return read_usage(log, "org", "all", [query])[query]


@pytest.mark.parametrize("method", [one.value for one in Method])
def test_a_pool_is_as_if_one_account_had_used_everything(log: FakeUsageLog, method: str) -> None:
    assert value(log, method, "a", "b", "c", "nobody") == value(log, method, "all")


SPREAD = CustomSql("SELECT max(tokens) - min(tokens) FROM measurements")


@pytest.mark.parametrize(
    ("accounts", "segment", "spread"),
    [("ab", None, 4), ("abc", None, 7), ("abc", "*", 7), ("abc", "z", 0), ("c", "*", 0), ("n", "*", None)],
)
def test_a_query_of_the_customers_own_sees_the_measurements_of_all_accounts_and_values_at_once(
    log: FakeUsageLog, accounts: str, segment: str | None, spread: int | None
) -> None:
    """Those of the model `z` have a segment of their own."""
    query = UsageQuery(
        "aggregation",
        JANUARY,
        ((("model", segment),) if segment else None),
        "meter",
        "CUSTOM_SQL",
        "tokens",
        tuple(Piece(account, JANUARY) for account in accounts),
        segmented_fields=("model",),
        segments=((("model", "*"),), (("model", "z"),)),
        custom_sql=SPREAD,
    )
    assert read_usage(log, "org", "all", [query])[query] == spread


def test_a_query_of_the_customers_own_is_made_of_the_measurements_that_it_saw(log: FakeUsageLog) -> None:
    pieces = (Piece("a", JANUARY), Piece("b", JANUARY))
    query = UsageQuery("aggregation", JANUARY, None, "meter", "CUSTOM_SQL", "tokens", pieces, custom_sql=SPREAD)
    seen: dict[UsageQuery, Evidence] = {}
    read_usage(log, "org", "all", [query], evidence=seen)
    assert seen[query].count == 4


def test_more_measurements_than_fit_are_refused(log: FakeUsageLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usance.domain.metering.aggregation.HELD_MAX", 3)
    pieces = (Piece("a", JANUARY), Piece("b", JANUARY))
    query = UsageQuery("aggregation", JANUARY, None, "meter", "CUSTOM_SQL", "tokens", pieces, custom_sql=SPREAD)
    with pytest.raises(InvalidInputError, match="customSql are put together of 3 measurements at most, not of 4"):
        read_usage(log, "org", "all", [query])


def test_more_observations_than_fit_are_refused(log: FakeUsageLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usance.domain.metering.aggregation.HELD_MAX", 4)
    assert value(log, "P50", "a", "b") == 2
    with pytest.raises(InvalidInputError, match="of 4 measurements at most, not of 5"):
        value(log, "P50", "a", "b", "c")


@pytest.mark.parametrize("method", [one.value for one in Method])
def test_a_wildcard_is_as_if_its_values_were_one(log: FakeUsageLog, method: str) -> None:
    """All measurements but those of the model `z`, which has a segment of its own, in one account and in three."""
    field = "model" if method == "UNIQUE" else "tokens"
    segments = ((("model", "*"),), (("model", "z"),))
    kept = value(log, method, "all", filters=UsageFilters(exclude=(("model", ("z",)),)))
    for pieces in (None, tuple(Piece(account, JANUARY) for account in "abc")):
        query = UsageQuery(
            "aggregation",
            JANUARY,
            segments[0],
            "meter",
            method,
            field,
            pieces,
            segmented_fields=("model",),
            segments=segments,
        )
        assert read_usage(log, "org", "all", [query])[query] == kept


def test_filters_keep_usage_out_before_it_is_put_together(log: FakeUsageLog) -> None:
    filters = UsageFilters(include=(("model", ("x", "y")),), exclude=(("model", ("y",)),))
    assert value(log, "SUM", "a", "b", "c", filters=filters) == 17
    assert value(log, "UNIQUE", "a", "b", "c", filters=filters) == 1


def test_no_piece_is_no_usage_and_an_account_without_any_is_none(log: FakeUsageLog) -> None:
    assert value(log, "SUM") is None
    assert value(log, "UNIQUE", "nobody", "no-one") is None


def test_a_piece_counts_its_own_time(log: FakeUsageLog) -> None:
    half = Instants(JANUARY.start, datetime(2026, 1, 15, tzinfo=UTC))
    pieces = (Piece("a", JANUARY), Piece("b", half))
    query = UsageQuery("aggregation", JANUARY, None, "meter", "SUM", "tokens", pieces)
    assert read_usage(log, "org", "all", [query])[query] == 10


def test_segments_of_a_pool_are_put_together_segment_by_segment(log: FakeUsageLog) -> None:
    segments = ((("model", "x"),), (("model", "*"),))
    pieces = tuple(Piece(account, JANUARY) for account in "abc")
    asked = [
        UsageQuery(
            "aggregation",
            JANUARY,
            segment,
            "meter",
            "SUM",
            "tokens",
            pieces,
            segmented_fields=("model",),
            segments=segments,
        )
        for segment in segments
    ]
    assert list(read_usage(log, "org", "all", asked).values()) == [17, 3]


def test_years_are_read_in_parts_that_come_to_the_same(log: FakeUsageLog) -> None:
    edges = [datetime(2025, month, 1, tzinfo=UTC) for month in range(3, 13)]
    edges += [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2)]
    asked = [
        UsageQuery("aggregation", Instants(*span), None, "meter", "SUM", "tokens", None) for span in pairwise(edges)
    ]
    reads: list[tuple[datetime, datetime]] = []

    class Noting:
        def aggregate(self, scope: UsageScope, start: datetime, end: datetime, *rest: Any, **more: Any) -> Any:
            reads.append((start, end))
            return log.aggregate(scope, start, end, *rest, **more)

    found = read_usage(Noting(), "org", "a", asked)
    assert list(found.values()) == [*[None] * 10, value(log, "SUM", "a")]
    assert len(reads) == 4
    assert max(end - start for start, end in reads) <= CHAIN_MAX

"""A recount comes to what the aggregation of bills comes to, by another way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.usage_log import FakeUsageLog
from usance.application.billing.read_usage import read_usage
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.domain.billing import recount
from usance.domain.billing.attached import UsageFilters
from usance.domain.billing.recount import Recount
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.metering.aggregation import Method
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds

START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = Instants(START, START + timedelta(days=10))
SEGMENTS = ((("region", "eu"),), (("region", "*"),))
NUMERIC = [method for method in Method if method is not Method.UNIQUE]
ROWS = st.lists(
    st.tuples(
        st.integers(-2 * 86_400, 12 * 86_400),
        st.one_of(st.none(), st.integers(-9, 9), st.decimals(-9, 9, places=2)),
        st.sampled_from(["eu", "us", "asia", None]),
    ),
    max_size=12,
)


def usage(rows: list[Any]) -> Columns:
    ts = [microseconds(START) + seconds * 1_000_000 for seconds, _, _ in rows]
    values, regions = [value for _, value, _ in rows], [region for _, _, region in rows]
    return Columns(
        [str(at) for at in range(len(rows))], ts, [None] * len(rows), {"tokens": values}, {"region": regions}
    )


def query(method: str, segment: Any = None, field: str = "tokens") -> UsageQuery:
    filters = UsageFilters(exclude=(("region", ("asia",)),))
    return UsageQuery("aggregation", SPAN, segment, "meter", method, field, None, filters, ("region",), SEGMENTS)


@given(ROWS, st.sampled_from(NUMERIC))
def test_a_recount_is_what_a_bill_reads(rows: list[Any], method: str) -> None:
    columns, log = usage(rows), FakeUsageLog()
    if rows:
        log.append([UsageBatch(UsageScope("org", "meter", "account"), "2026-01", "0", START, columns)])
    merging = method in {"SUM", "COUNT", "MIN", "MAX", "MEAN"}
    queries = [query(method), *([query(method, segment) for segment in SEGMENTS] if merging else [])]
    expected = read_usage(log, "org", "account", queries)
    received = [microseconds(START)] * len(rows)
    for one in queries:
        recount = Recount(one)
        half = len(rows) // 2
        recount.add(columns, received, range(half), SPAN)
        recount.add(columns, received, range(half, len(rows)), SPAN)
        assert recount.value() == expected[one]


def test_texts_are_counted_and_not_summed() -> None:
    columns = usage([(0, 1, "eu"), (1, 2, "eu"), (2, 3, None)])
    for method, expected in (("COUNT", 2), ("UNIQUE", 1)):
        texts = Recount(query(method, field="region"))
        texts.add(columns, [0] * 3, range(3), SPAN)
        assert texts.value() == expected
    for method in NUMERIC:
        texts = Recount(query(method, field="region"))
        texts.add(columns, [0] * 3, range(3), SPAN)
        assert texts.value() == (2 if method is Method.COUNT else None)


def test_the_latest_number_is_not_hidden_by_a_later_text() -> None:
    """The field of `tokens` was one of numbers, and is one of texts now."""
    latest = Recount(query("LATEST"))
    latest.add(usage([(0, Decimal(7), "eu")]), [0], [0], SPAN)
    texts = usage([(60, None, "eu")])
    later = Columns(["late"], texts.ts, [None], {}, {**texts.texts, "tokens": ["many"]})
    latest.add(later, [1], [0], SPAN)
    assert latest.value() == 7


def test_a_field_that_nobody_sent_is_nothing() -> None:
    absent = Recount(query("SUM", field="absent"))
    absent.add(usage([(0, Decimal(1), "eu")]), [0], [0], SPAN)
    assert absent.value() is None


def test_what_cannot_be_recounted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="CUSTOM_SQL"):
        Recount(query("CUSTOM_SQL"))
    monkeypatch.setattr(recount, "HELD_MAX", 2)
    with pytest.raises(InvalidInputError, match="P95"):
        Recount(query("P95")).add(usage([(0, 1, None)] * 3), [0] * 3, range(3), SPAN)

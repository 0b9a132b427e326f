"""Aggregating in memory, counting once, and the months of instants (metering.md 1.4, 4.1)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.aggregation import Method, Observation, aggregate, method_of, plain, total
from usance.domain.metering.counting import WINDOW_MICROSECONDS, Copy, repeats
from usance.domain.metering.instants import LATEST, instant_of, microseconds, month_of, months_between


def seen(*values: Decimal | str | None) -> list[Observation]:
    return [Observation(value, ts, 0, "") for ts, value in enumerate(values)]


@pytest.mark.parametrize(
    ("method", "value"),
    [("SUM", "90"), ("MIN", "10"), ("MAX", "60"), ("COUNT", "3"), ("LATEST", "60"), ("MEAN", "30"), ("UNIQUE", "3")],
)
def test_the_published_mean_and_its_siblings(method: str, value: str) -> None:
    observations = seen(Decimal(10), None, Decimal(20), Decimal(60))
    assert str(aggregate(method_of(method), observations)) == value


def test_nothing_has_no_value_but_a_count() -> None:
    assert [aggregate(method, seen(None)) for method in Method] == [
        Decimal(0) if method in {Method.COUNT, Method.UNIQUE} else None for method in Method
    ]


def test_texts_are_counted_only() -> None:
    assert aggregate(Method.UNIQUE, seen("a", "b", "a")) == 2
    assert aggregate(Method.SUM, seen("a", "b", "a")) is None
    with pytest.raises(InvalidInputError, match="CUSTOM_SQL"):
        method_of("CUSTOM_SQL")


def test_the_latest_is_by_time_then_receipt_then_uid() -> None:
    one, two, three = Decimal(1), Decimal(2), Decimal(3)
    observations = [Observation(one, 5, 9, "b"), Observation(two, 5, 9, "a"), Observation(three, 4, 10, "z")]
    assert aggregate(Method.LATEST, observations) == 1
    assert aggregate(Method.LATEST, [*observations, Observation(two, 5, 10, "a")]) == 2


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=8)))
def test_a_total_is_exact_in_any_order(numbers: list[Decimal]) -> None:
    scaled = sum(int(number.scaleb(8)) for number in numbers) if all(abs(n) < 10**19 for n in numbers) else None
    assert total(numbers) == total(sorted(numbers))
    if scaled is not None:
        assert total(numbers) == Decimal(scaled).scaleb(-8)


@pytest.mark.parametrize(
    ("number", "text"), [("1.500", "1.5"), ("1E+3", "1000"), ("0.00", "0"), ("-0.10", "-0.1"), ("7", "7")]
)
def test_values_are_shown_plainly(number: str, text: str) -> None:
    assert str(plain(Decimal(number))) == text


def test_a_copy_within_35_days_of_the_one_before_does_not_count() -> None:
    first, tie = Copy(0, ("2026-01", "01#a", 0)), Copy(0, ("2026-01", "01#b", 0))
    edge = Copy(WINDOW_MICROSECONDS, ("2026-01", "01#c", 0))
    after = Copy(2 * WINDOW_MICROSECONDS + 1, ("2026-01", "01#d", 0))
    assert repeats([after, edge, tie, first]) == [tie, edge]
    assert repeats([first]) == []


def test_months_are_those_of_utc() -> None:
    new_year = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
    assert (month_of(new_year - 1), month_of(new_year)) == ("2025-12", "2026-01")
    assert month_of(microseconds(datetime(1, 1, 1, tzinfo=UTC))) == "0001-01"
    assert instant_of(LATEST).year == 9999


def test_the_months_of_a_span_include_the_last_that_it_touches() -> None:
    def months(*ends: tuple[int, int, int]) -> list[str]:
        start, end = (microseconds(datetime(*end, tzinfo=UTC)) for end in ends)
        return months_between(start, end)

    assert months((2025, 11, 30), (2026, 2, 1)) == ["2025-11", "2025-12", "2026-01"]
    assert months((2025, 11, 30), (2026, 2, 2)) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert months((2025, 12, 1), (2025, 12, 2)) == ["2025-12"]
    with pytest.raises(InvalidInputError, match="100 years"):
        months((1, 1, 1), (2026, 1, 1))

"""Boundaries of billing calendars (billing.md 6.2, W7)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.kernel.calendar import Calendar, Frequency


def boundaries(calendar: Calendar, count: int) -> list[str]:
    return [calendar.boundary(k).isoformat() for k in range(count)]


@pytest.mark.parametrize(
    ("frequency", "interval", "epoch", "expected"),
    [
        ("MONTHLY", 1, "2022-02-15", ["2022-02-15", "2022-03-15", "2022-04-15"]),
        ("WEEKLY", 1, "2022-01-15", ["2022-01-15", "2022-01-22", "2022-01-29"]),
        ("DAILY", 1, "2022-01-02", ["2022-01-02", "2022-01-03", "2022-01-04"]),
        ("ANNUALLY", 1, "2023-01-01", ["2023-01-01", "2024-01-01", "2025-01-01"]),
        ("MONTHLY", 3, "2022-01-01", ["2022-01-01", "2022-04-01", "2022-07-01"]),
        ("MONTHLY", 1, "2024-01-31", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        ("MONTHLY", 1, "2023-01-31", ["2023-01-31", "2023-02-28", "2023-03-31"]),
        ("ANNUALLY", 1, "2024-02-29", ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
    ],
)
def test_boundaries_are_counted_from_the_epoch(frequency: str, interval: int, epoch: str, expected: list[str]) -> None:
    calendar = Calendar(Frequency(frequency), interval, date.fromisoformat(epoch))
    assert boundaries(calendar, len(expected)) == expected


calendars = st.builds(
    Calendar,
    frequency=st.sampled_from(Frequency),
    interval=st.integers(1, 12),
    epoch=st.dates(date(2000, 1, 1), date(2040, 12, 31)),
)
days = st.dates(date(1990, 1, 1), date(2050, 12, 31))


@given(calendars, days)
def test_every_day_lies_in_exactly_one_period(calendar: Calendar, day: date) -> None:
    period = calendar.period_of(day)
    assert period.start <= day < period.end
    k = calendar.index_of(day)
    assert calendar.period(k + 1).start == period.end
    assert calendar.period(k - 1).end == period.start


@given(calendars, days)
def test_only_first_days_of_periods_are_boundaries(calendar: Calendar, day: date) -> None:
    assert calendar.is_boundary(day) == (calendar.index_of(day) != calendar.index_of(day - timedelta(days=1)))

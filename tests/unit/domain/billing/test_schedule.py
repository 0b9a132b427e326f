"""When schedules act (billing.md 12.7, 12.8)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from usance.domain.billing.schedule import GraceUnit, grace, is_tick, last_approvable_day, quarter
from usance.domain.kernel.timezones import time_zone


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "ticks"),
    [
        ("0", 0),
        ("0.25", 96),
        ("0.5", 48),
        ("1", 24),
        ("2", 12),
        ("3", 8),
        ("4", 6),
        ("6", 4),
        ("8", 3),
        ("12", 2),
        ("24", 1),
    ],
)
def test_ticks_of_a_day(interval: str, ticks: int) -> None:
    moments = [at("2026-01-15T00:00") + timedelta(minutes=15 * n) for n in range(96)]
    assert sum(is_tick(Decimal(interval), 0, moment, UTC) for moment in moments) == ticks


def test_the_offset_is_an_hour_of_the_local_day() -> None:
    berlin = time_zone("Europe/Berlin")
    assert is_tick(Decimal(24), 5, at("2026-01-15T04:00"), berlin)
    assert not is_tick(Decimal(24), 5, at("2026-01-15T05:00"), berlin)
    assert is_tick(Decimal(24), 5, at("2026-07-15T03:00"), berlin)


@pytest.mark.parametrize(
    ("zone", "offset", "skipped"),
    [
        ("America/New_York", 2, "2026-03-08T07:00"),  # 02:00 becomes 03:00
        ("Africa/Cairo", 0, "2026-04-23T22:00"),  # midnight becomes 01:00
    ],
)
def test_a_tick_that_falls_into_skipped_hours_comes_when_they_are_over(zone: str, offset: int, skipped: str) -> None:
    start = at(skipped) - timedelta(hours=12)
    moments = [start + timedelta(minutes=15 * n) for n in range(96)]
    assert [m for m in moments if is_tick(Decimal(24), offset, m, time_zone(zone))] == [at(skipped)]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "UTC+1:07", "UTC-3:40"])
def test_zones_of_odd_minutes_tick_as_often_as_others(zone: str) -> None:
    moments = [at("2026-01-15T00:00") + timedelta(minutes=15 * n) for n in range(96)]
    for interval, ticks in (("0.25", 96), ("1", 24), ("24", 1)):
        assert sum(is_tick(Decimal(interval), 0, moment, time_zone(zone)) for moment in moments) == ticks


def test_a_late_event_does_the_tick_of_its_quarter() -> None:
    assert quarter(at("2026-01-15T12:14:59.999")) == at("2026-01-15T12:00")
    assert is_tick(Decimal(1), 0, at("2026-01-15T12:14:59"), UTC)


@pytest.mark.parametrize(
    ("amount", "unit", "length"),
    [(90, "MINUTES", timedelta(minutes=90)), (2, "HOURS", timedelta(hours=2)), (3, "DAYS", timedelta(days=3))],
)
def test_grace_periods(amount: int, unit: str, length: timedelta) -> None:
    assert grace(amount, GraceUnit(unit)) == length


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("2026-02-01T01:59", "2026-01-31"), ("2026-02-01T02:00", "2026-02-01"), ("2026-02-02T01:59", "2026-02-01")],
)
def test_a_bill_may_be_approved_once_its_grace_is_over(moment: str, expected: str) -> None:
    assert last_approvable_day(timedelta(hours=2), at(moment), UTC) == date.fromisoformat(expected)

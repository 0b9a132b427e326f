"""Buckets of a statement: midnights of the organization's time zone, clipped to the service period."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.statements.buckets import BUCKETS_MAX, NEXT, bucket_starts
from usance.domain.statements.definition import Frequency

NEW_YORK = ZoneInfo("America/New_York")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def starts(start: datetime, end: datetime, frequency: Frequency, zone: ZoneInfo | None = None) -> list[datetime]:
    return list(bucket_starts(Instants(start, end), frequency, zone or ZoneInfo("UTC")))


def test_a_month_has_a_bucket_for_each_day() -> None:
    days = starts(utc(2023, 11, 1), utc(2023, 12, 1), Frequency.DAY)
    assert len(days) == 30
    assert days[0] == utc(2023, 11, 1)
    assert days[-1] == utc(2023, 11, 30)


def test_weeks_start_on_monday_and_the_first_is_clipped() -> None:
    assert starts(utc(2023, 11, 1), utc(2023, 11, 15), Frequency.WEEK) == [
        utc(2023, 11, 1),
        utc(2023, 11, 6),
        utc(2023, 11, 13),
    ]


def test_a_period_that_starts_on_a_monday_has_no_bucket_before_it() -> None:
    assert starts(utc(2023, 11, 6), utc(2023, 11, 13), Frequency.WEEK) == [utc(2023, 11, 6)]


def test_months_start_on_the_first() -> None:
    assert starts(utc(2023, 12, 15), utc(2024, 2, 15), Frequency.MONTH) == [
        utc(2023, 12, 15),
        utc(2024, 1, 1),
        utc(2024, 2, 1),
    ]


def test_quarters_start_in_january_april_july_and_october() -> None:
    assert starts(utc(2023, 5, 2), utc(2024, 1, 2), Frequency.QUARTER) == [
        utc(2023, 5, 2),
        utc(2023, 7, 1),
        utc(2023, 10, 1),
        utc(2024, 1, 1),
    ]


def test_years_start_on_the_first_of_january() -> None:
    assert starts(utc(2023, 12, 31), utc(2024, 1, 2), Frequency.YEAR) == [utc(2023, 12, 31), utc(2024, 1, 1)]


def test_the_whole_period_is_one_bucket() -> None:
    assert starts(utc(2023, 11, 1), utc(2023, 12, 1), Frequency.WHOLE_PERIOD) == [utc(2023, 11, 1)]


def test_every_frequency_but_the_whole_period_has_a_next_bucket() -> None:
    assert set(NEXT) == set(Frequency) - {Frequency.WHOLE_PERIOD}


def test_an_empty_period_has_no_bucket() -> None:
    assert starts(utc(2023, 11, 1), utc(2023, 11, 1), Frequency.DAY) == []


def test_a_day_of_the_time_zone_starts_at_its_own_midnight() -> None:
    assert starts(utc(2023, 11, 1, 4), utc(2023, 11, 3, 4), Frequency.DAY, NEW_YORK) == [
        utc(2023, 11, 1, 4),
        utc(2023, 11, 2, 4),
    ]


def test_the_day_that_daylight_saving_lengthens_has_25_hours() -> None:
    days = starts(utc(2023, 11, 4, 4), utc(2023, 11, 7, 5), Frequency.DAY, NEW_YORK)
    assert days == [utc(2023, 11, 4, 4), utc(2023, 11, 5, 4), utc(2023, 11, 6, 5)]


def test_a_day_without_midnight_starts_when_the_clocks_jump() -> None:
    cairo = ZoneInfo("Africa/Cairo")  # 28 April 2023 began at 01:00
    days = starts(utc(2023, 4, 26, 22), utc(2023, 4, 28, 21), Frequency.DAY, cairo)
    assert days == [utc(2023, 4, 26, 22), utc(2023, 4, 27, 22)]


def test_a_period_of_too_many_buckets_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=str(BUCKETS_MAX)):
        starts(utc(1990, 1, 1), utc(2023, 1, 1), Frequency.DAY)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC)),
    days=st.integers(1, 800),
    frequency=st.sampled_from(list(Frequency)),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Africa/Cairo", "Australia/Lord_Howe"]),
)
def test_buckets_ascend_from_the_start_and_stay_inside(
    start: datetime, days: int, frequency: Frequency, zone: str
) -> None:
    end = start + timedelta(days=days)
    found = starts(start, end, frequency, ZoneInfo(zone))
    assert found[0] == start
    assert found == sorted(set(found))
    assert found[-1] < end
    assert all(moment.astimezone(ZoneInfo(zone)).hour in {0, 1} for moment in found[1:])

"""Stretches of time that questions about usage group by."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.usage_query import Step, buckets

BERLIN, KOLKATA, SANTIAGO = (ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kolkata", "America/Santiago"))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("step", "first", "second"),
    [
        (Step.HOUR, "2026-05-20T13:00", "2026-05-20T14:00"),
        (Step.DAY, "2026-05-20T00:00", "2026-05-21T00:00"),
        (Step.WEEK, "2026-05-18T00:00", "2026-05-25T00:00"),
        (Step.MONTH, "2026-05-01T00:00", "2026-06-01T00:00"),
        (Step.QUARTER, "2026-04-01T00:00", "2026-07-01T00:00"),
    ],
)
def test_buckets_begin_where_calendars_do(step: Step, first: str, second: str) -> None:
    start = at("2026-05-20T13:47:11")
    assert list(buckets(step, start, at(second) + timedelta(microseconds=1))) == [at(first), at(second)]
    assert list(buckets(step, start, at(second))) == [at(first)]


def test_days_of_a_zone_begin_at_its_midnights_and_have_23_or_25_hours_where_clocks_change() -> None:
    assert list(buckets(Step.DAY, at("2026-03-28T23:30"), at("2026-03-30T22:01"), BERLIN)) == [
        at("2026-03-28T23:00"),
        at("2026-03-29T22:00"),
        at("2026-03-30T22:00"),
    ]
    autumn = buckets(Step.DAY, at("2026-10-24T22:00"), at("2026-10-26T00:00"), BERLIN)
    assert list(autumn) == [at("2026-10-24T22:00"), at("2026-10-25T23:00")]


def test_a_day_whose_midnight_clocks_skip_begins_when_they_do() -> None:
    found = buckets(Step.DAY, at("2026-09-05T12:00"), at("2026-09-07T03:00"), SANTIAGO)
    assert list(found) == [at("2026-09-05T04:00"), at("2026-09-06T04:00")]


def test_hours_of_a_zone_of_half_an_hour_begin_with_its_own() -> None:
    assert list(buckets(Step.HOUR, at("2026-01-01T00:10"), at("2026-01-01T01:31"), KOLKATA)) == [
        at("2025-12-31T23:30"),
        at("2026-01-01T00:30"),
        at("2026-01-01T01:30"),
    ]


def test_hours_are_whole_again_after_clocks_change_by_half_an_hour() -> None:
    found = buckets(Step.HOUR, at("2025-10-04T14:30"), at("2025-10-04T17:30"), ZoneInfo("Australia/Lord_Howe"))
    assert list(found) == [  # 1:00, 2:30, 3:00 and 4:00
        at("2025-10-04T14:30"),
        at("2025-10-04T15:30"),
        at("2025-10-04T16:00"),
        at("2025-10-04T17:00"),
    ]


@given(
    st.sampled_from(Step),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
    st.sampled_from([UTC, BERLIN, KOLKATA, SANTIAGO, ZoneInfo("Australia/Lord_Howe")]),
)
def test_buckets_follow_on_each_other_and_cover_the_time(
    step: Step, start: datetime, length: timedelta, zone: ZoneInfo
) -> None:
    found = buckets(step, start, start + length, zone)
    assert found[0] <= start
    assert len(found) == 1 or found[1] > start
    assert found[-1] < start + length
    assert list(found) == sorted(set(found))


def test_too_many_buckets_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="more than 20000 buckets of one HOUR"):
        buckets(Step.HOUR, at("2026-01-01T00:00"), at("2029-01-01T00:00"))

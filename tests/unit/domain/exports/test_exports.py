"""When exports run, what time they are about, and where their files lie (metering.md 8)."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.exports.column_names import distinct_names
from usance.domain.exports.object_keys import object_key
from usance.domain.exports.periods import PERIODS, period
from usance.domain.exports.timetable import latest_run, step
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.data_export import TimePeriod
from usance.resources.timetables import check_cron, latest_cron_run


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "run", "start", "end"),
    [
        ("PREVIOUS_WEEK", "2024-06-12T09:00", "2024-06-03", "2024-06-10"),
        ("WEEK_TO_DATE", "2024-10-16T10:00", "2024-10-14", "2024-10-16T10:00"),
        ("LAST_30_DAYS", "2024-06-15T09:00", "2024-05-16", "2024-06-15"),
        ("TODAY", "2024-06-15T09:30", "2024-06-15", "2024-06-15T09:30"),
        ("YESTERDAY", "2024-03-01T00:00", "2024-02-29", "2024-03-01"),
        ("PREVIOUS_MONTH", "2024-03-31T12:00", "2024-02-01", "2024-03-01"),
        ("PREVIOUS_QUARTER", "2024-02-10T12:00", "2023-10-01", "2024-01-01"),
        ("PREVIOUS_YEAR", "2024-02-10T12:00", "2023-01-01", "2024-01-01"),
        ("MONTH_TO_DATE", "2024-02-10T12:00", "2024-02-01", "2024-02-10T12:00"),
        ("YEAR_TO_DATE", "2024-02-10T12:00", "2024-01-01", "2024-02-10T12:00"),
        ("LAST_12_HOURS", "2024-02-10T12:59", "2024-02-10T00:00", "2024-02-10T12:00"),
        ("LAST_7_DAYS", "2024-02-10T12:59", "2024-02-03", "2024-02-10"),
        ("LAST_35_DAYS", "2024-02-10T12:59", "2024-01-06", "2024-02-10"),
        ("LAST_90_DAYS", "2024-02-10T12:59", "2023-11-12", "2024-02-10"),
        ("LAST_120_DAYS", "2024-02-10T12:59", "2023-10-13", "2024-02-10"),
        ("LAST_YEAR", "2024-02-29T12:59", "2023-02-28", "2024-02-29"),
        ("LAST_YEAR", "2023-07-04T12:59", "2022-07-04", "2023-07-04"),
    ],
)
def test_a_period_is_the_stretch_that_its_name_says(name: str, run: str, start: str, end: str) -> None:
    assert period(name, at(run)) == (at(start), at(end))


def test_every_period_of_the_api_is_known() -> None:
    assert set(PERIODS) == set(get_args(TimePeriod))


@given(st.sampled_from(PERIODS), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_a_period_is_never_empty_backwards_or_ahead_of_its_run(name: str, run: datetime) -> None:
    start, end = period(name, run.replace(tzinfo=UTC))
    assert start <= end <= run.replace(tzinfo=UTC)


def test_runs_step_from_the_instant_that_the_schedule_was_made() -> None:
    made = at("2024-06-01T10:00")
    assert latest_run("DAY", 2, None, made, at("2024-06-03T09:59")) is None
    assert latest_run("DAY", 2, None, made, at("2024-06-03T10:00")) == at("2024-06-03T10:00")
    assert latest_run("DAY", 2, None, made, at("2024-06-30T00:00")) == at("2024-06-29T10:00")


def test_an_offset_says_how_far_into_the_day_or_hour_runs_are() -> None:
    made = at("2024-06-01T10:20")
    assert latest_run("DAY", 1, 6, made, at("2024-06-02T05:59")) is None
    assert latest_run("DAY", 1, 6, made, at("2024-06-02T06:00")) == at("2024-06-02T06:00")
    assert latest_run("DAY", 1, 12, made, at("2024-06-01T12:00")) == at("2024-06-01T12:00")
    assert latest_run("HOUR", 2, 30, made, at("2024-06-01T12:29")) == at("2024-06-01T10:30")


@given(
    st.sampled_from(["MINUTE", "HOUR", "DAY"]),
    st.integers(1, 60),
    st.datetimes(datetime(2024, 1, 1), datetime(2024, 2, 1)),
    st.integers(0, 10_000),
)
def test_the_latest_run_is_never_a_step_or_more_ago(unit: str, count: int, made: datetime, minutes: int) -> None:
    first = made.replace(tzinfo=UTC)
    now = first + timedelta(minutes=minutes)
    run = latest_run(unit, count, None, first, now)
    if run is None:
        assert now - first < step(unit, count)
    else:
        assert timedelta() <= now - run < step(unit, count)
        assert (run - first) % step(unit, count) == timedelta()


SHORTEST, LONGEST = timedelta(minutes=15), timedelta(days=3)


@pytest.mark.parametrize("expression", ["*/15 * * * *", "0 6 * * *", "0 0 * * MON,THU", "0 0 1-31/3 * *"])
def test_cron_expressions_within_the_limits_pass(expression: str) -> None:
    check_cron(expression, SHORTEST, timedelta(days=4))


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("*/10 * * * *", "15 minutes"),
        ("0,59 * * * *", "15 minutes"),
        ("0 0 1 * *", "3 days"),
        ("0 0 29 2 *", "3 days"),
        ("* * * * * *", "5 fields"),
        ("@daily", "5 fields"),
        ("0 25 * * *", "cronExpression"),
    ],
)
def test_cron_expressions_beyond_the_limits_are_refused(expression: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        check_cron(expression, SHORTEST, LONGEST)


def test_the_latest_cron_run_includes_the_present() -> None:
    assert latest_cron_run("0 6 * * *", at("2024-06-02T06:00")) == at("2024-06-02T06:00")
    assert latest_cron_run("0 6 * * *", at("2024-06-02T05:59")) == at("2024-06-01T06:00")


@pytest.mark.parametrize(
    ("prefix", "type_first", "key"),
    [
        ("", False, "orgId=o/date=2024-06-02/hour=05/type=account/f_account.csv.gz"),
        ("/lake/raw/", False, "lake/raw/orgId=o/date=2024-06-02/hour=05/type=account/f_account.csv.gz"),
        ("lake", True, "lake/orgId=o/type=account/date=2024-06-02/hour=05/f_account.csv.gz"),
    ],
)
def test_files_lie_where_query_engines_look(prefix: str, type_first: bool, key: str) -> None:
    run = at("2024-06-02T05:59")
    assert object_key(prefix, "o", "account", run, "f", "csv.gz", type_first=type_first) == key


@given(st.lists(st.text("aAbB.2", min_size=1, max_size=4), unique=True, max_size=12))
def test_engines_can_tell_columns_apart_and_a_name_follows_from_those_before_it(columns: list[str]) -> None:
    names = distinct_names(columns, ["fields"])
    lower = [name.lower() for name in names.values()]
    assert list(names) == columns
    assert len({*lower, "fields", "orgid", "date", "hour", "type"}) == len(lower) + 5
    assert all(distinct_names(columns[:at], ["fields"])[name] == names[name] for at, name in enumerate(columns, 1))


def test_a_name_that_is_taken_twice_is_counted() -> None:
    names = distinct_names(["v", "V", "field.V", "fields", "type"], ["fields"])
    assert list(names.values()) == ["v", "field.V", "field.field.V", "field.fields", "field.type"]

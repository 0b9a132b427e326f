"""Service windows and the bills that settle them (billing.md 6, W7)."""

import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import instant, plan
from usance.domain.billing.attached import AttachedPlan, Standing
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.due import DueBill, due_bills
from usance.domain.billing.windows import closing_window, numbered_window, spans_before, starting_window
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.timezones import midnight, time_zone

UTC = time_zone("UTC")


def calendar(frequency: str, epoch: str, interval: int = 1) -> Calendar:
    return Calendar(Frequency(frequency), interval, date.fromisoformat(epoch))


def first_bills(attached: AttachedPlan, count: int, until: str) -> list[str]:
    """Days of the first bills, found by running a job for each day."""
    found: list[str] = []
    day = date(2021, 12, 31)
    while len(found) < count and day < date.fromisoformat(until):
        for due in due_bills([attached], day, UTC):
            if due.key.day.isoformat() not in found:
                found.append(due.key.day.isoformat())
        day += timedelta(days=1)
    return found


@pytest.mark.parametrize(
    ("frequency", "epoch", "end", "bills"),
    [
        ("MONTHLY", "2022-02-15", "2023-01-01", ["2022-02-15", "2022-03-15", "2022-04-15"]),
        ("MONTHLY", "2022-01-15", "2022-06-30", ["2022-01-15", "2022-02-15", "2022-03-15"]),
        ("WEEKLY", "2022-01-15", "2022-06-30", ["2022-01-15", "2022-01-22", "2022-01-29"]),
        ("DAILY", "2022-01-02", "2022-06-30", ["2022-01-02", "2022-01-03", "2022-01-04"]),
        ("ANNUALLY", "2023-01-01", "2028-01-15", ["2023-01-01", "2024-01-01", "2025-01-01"]),
    ],
)
def test_the_epoch_is_the_first_bill_and_the_anchor(frequency: str, epoch: str, end: str, bills: list[str]) -> None:
    attached = plan(calendar=calendar(frequency, epoch), start=instant("2022-01-01"), end=instant(end))
    assert first_bills(attached, 3, "2025-06-01") == bills


def test_before_the_epoch_lies_one_window_however_long() -> None:
    attached = plan(calendar=calendar("MONTHLY", "2022-06-15"), start=instant("2022-01-01"))
    window = closing_window(attached, date(2022, 6, 15), UTC)
    assert window is not None
    assert (window.index, window.days, window.standard.days) == (0, 165, 31)
    assert closing_window(attached, date(2022, 5, 15), UTC) is None
    following = closing_window(attached, date(2022, 7, 15), UTC)
    assert following is not None
    assert following.index == 1


def test_a_plan_that_starts_mid_period_is_served_from_then_on() -> None:
    attached = plan(start=instant("2022-06-15"))
    window = closing_window(attached, date(2022, 7, 1), UTC)
    assert window is not None
    assert (window.index, window.days, window.standard.days) == (0, 16, 30)
    assert closing_window(attached, date(2022, 6, 1), UTC) is None


def test_a_plan_that_ends_mid_period_is_served_until_then() -> None:
    attached = plan(end=instant("2022-06-15"))
    window = closing_window(attached, date(2022, 7, 1), UTC)
    assert window is not None
    assert (window.days, window.span.end) == (14, instant("2022-06-15"))
    assert closing_window(attached, date(2022, 8, 1), UTC) is None


def test_a_day_inside_a_period_closes_nothing() -> None:
    assert closing_window(plan(), date(2022, 7, 2), UTC) is None
    assert starting_window(plan(), date(2022, 7, 2), UTC) is None


def test_advance_charges_start_with_the_plan_even_inside_a_period() -> None:
    window = starting_window(plan(start=instant("2022-06-15")), date(2022, 6, 15), UTC)
    assert window is not None
    assert (window.index, window.days) == (0, 16)


def test_boundaries_follow_the_local_day() -> None:
    berlin = time_zone("Europe/Berlin")
    window = closing_window(plan(start=instant("2020-01-01")), date(2024, 4, 1), berlin)
    assert window is not None
    assert window.span.start == datetime.fromisoformat("2024-02-29T23:00:00+00:00")
    assert window.span.end == datetime.fromisoformat("2024-03-31T22:00:00+00:00")
    assert window.days == 31


def key(day: str) -> BillKey:
    return BillKey(BillFrequency.MONTHLY, 1, date.fromisoformat(day))


def test_in_arrears_a_run_makes_the_bill_that_ends_the_period() -> None:
    assert due_bills([plan()], date(2022, 6, 17), UTC) == (DueBill(key("2022-07-01")),)
    assert due_bills([plan()], date(2022, 6, 30), UTC) == (DueBill(key("2022-07-01")),)


def test_in_advance_a_run_also_makes_the_bill_that_opens_service() -> None:
    standing = Standing(Decimal(20), in_advance=True)
    assert due_bills([plan(standing=standing, start=instant("2022-06-15"))], date(2022, 6, 30), UTC) == (
        DueBill(key("2022-06-15"), opens=True),
        DueBill(key("2022-07-01")),
    )
    assert due_bills([plan(standing=standing, start=instant("2022-06-01"))], date(2022, 6, 30), UTC) == (
        DueBill(key("2022-06-01"), opens=True, only_if_lacking=True),
        DueBill(key("2022-07-01")),
    )
    assert due_bills([plan(standing=standing, start=instant("2022-07-01"))], date(2022, 6, 30), UTC) == (
        DueBill(key("2022-07-01")),
    )


def test_a_day_that_ends_a_period_of_another_plan_does_not_only_open_service() -> None:
    opening = plan(standing=Standing(Decimal(20), in_advance=True), start=instant("2022-06-15"))
    ending = plan(calendar=calendar("MONTHLY", "2022-01-15"))
    assert due_bills([opening, ending], date(2022, 6, 14), UTC)[0] == DueBill(key("2022-06-15"))


def test_nothing_is_due_outside_the_life_of_a_plan() -> None:
    attached = plan(start=instant("2022-03-01"), end=instant("2022-05-01"))
    assert due_bills([attached], date(2022, 2, 28), UTC) == ()
    assert due_bills([attached], date(2022, 5, 1), UTC) == ()
    early = replace(attached, standing=Standing(Decimal(20), in_advance=True))
    assert due_bills([early], date(2022, 1, 31), UTC) == ()
    assert due_bills([early], date(2022, 6, 1), UTC) == ()


def test_before_a_plan_begins_nothing_is_due_however_far_its_epoch() -> None:
    attached = plan(calendar=calendar("MONTHLY", "2022-06-15"), start=instant("2022-01-01"))
    assert due_bills([attached], date(2021, 6, 1), UTC) == ()
    assert due_bills([attached], date(2022, 1, 1), UTC) == (DueBill(key("2022-06-15")),)


zones = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Africa/Cairo"])
plans = st.builds(
    lambda frequency, interval, epoch, start, days: plan(
        calendar=Calendar(frequency, interval, epoch),
        start=start,
        end=start + timedelta(days=days) if days else None,
    ),
    st.sampled_from(Frequency),
    st.integers(1, 5),
    st.dates(date(2021, 1, 1), date(2023, 12, 31)),
    st.datetimes(datetime(2021, 6, 1), datetime(2023, 6, 1), timezones=st.just(UTC)),
    st.integers(0, 400),
)


@given(plans, zones)
def test_service_windows_tile_the_life_of_the_plan(attached: AttachedPlan, zone_name: str) -> None:
    zone = time_zone(zone_name)
    first = numbered_window(attached, 0, zone)
    assert first is not None
    assert first.span.start == attached.start
    previous, index = first, 1
    while index < 12 and (window := numbered_window(attached, index, zone)):
        assert window.span.start == previous.span.end
        assert window.index == index
        previous, index = window, index + 1
    if index < 12:
        assert previous.span.end == attached.end


@given(plans, zones, st.integers(0, 10))
def test_each_window_is_closed_by_one_bill_and_opened_by_one(
    attached: AttachedPlan, zone_name: str, index: int
) -> None:
    zone = time_zone(zone_name)
    window = numbered_window(attached, index, zone)
    if window is None:
        return
    assert closing_window(attached, window.standard.end, zone) == window
    opening = window.span.start.astimezone(zone).date() if index == 0 else window.standard.start
    assert starting_window(attached, opening, zone) == window


@given(plans, st.dates(date(2021, 6, 1), date(2024, 6, 1)))
def test_what_came_before_tiles_the_time_since_the_plan_began(attached: AttachedPlan, day: date) -> None:
    moment = min(midnight(day, UTC), attached.end or midnight(day, UTC))
    spans = spans_before(attached, moment, UTC)
    if moment <= attached.start:
        assert spans == ()
        return
    assert (spans[0].start, spans[-1].end) == (attached.start, moment)
    assert all(left.end == right.start for left, right in itertools.pairwise(spans))

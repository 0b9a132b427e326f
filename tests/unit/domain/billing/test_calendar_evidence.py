"""What a calendar promises over a plan's whole life: its charges tile it, and what is split sums up (billing.md 6)."""

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import (
    aggregation,
    bill,
    inputs,
    instant,
    lines,
    plan,
    pricing,
    seat_pricing,
    seats,
    terms,
)
from tests.unit.domain.billing.test_plan_groups import group
from usance.domain.billing.attached import AttachedPlan, Attachment, Standing
from usance.domain.billing.bill_key import BillKey
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.due import due_bills
from usance.domain.billing.pricings import Minimum
from usance.domain.billing.usage import UsageQuery
from usance.domain.billing.windows import closing_window
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import Rounding
from usance.domain.kernel.timezones import midnight, time_zone

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Auckland",  # south of the equator: summer time over the new year
    "Australia/Adelaide",  # south, and half an hour off
    "Australia/Lord_Howe",  # clocks change by half an hour
    "America/St_Johns",  # half an hour off
    "America/Santiago",  # clocks change at midnight
    "Asia/Kolkata",  # half an hour off, no summer time
    "UTC+5:45",
)
HOUR = timedelta(hours=1)


def seconds(query: UsageQuery) -> Decimal:
    """A second of time is a unit of usage, so that what is billed is how long was billed."""
    return Decimal(int((query.span.end - query.span.start).total_seconds()))


def life(attached: AttachedPlan, zone_name: str, until: date | None = None) -> list[BillDraft]:
    """Every bill that jobs for each day of the plan's life, or up to `until`, make, each once."""
    zone = time_zone(zone_name)
    keys: set[BillKey] = set()
    first = attached.start.astimezone(zone).date() - timedelta(days=2)
    last = until or (attached.end.astimezone(zone).date() + timedelta(days=2) if attached.end else first)
    day = first
    while day < last:
        keys |= {due.key for due in due_bills([attached], day, zone)}
        day += timedelta(days=1)
    settled = terms(zone=zone, zone_name=zone_name)
    return [bill(inputs(str(key.day), attached, terms=settled), seconds) for key in sorted(keys)]


def spans(bills: list[BillDraft]) -> dict[str, list[Instants]]:
    """The service periods of each kind of charge, in order of time."""
    found: dict[str, list[Instants]] = defaultdict(list)
    for line in (line for one in bills for line in one.lines):
        found[line.item.type].append(line.item.span)
    return {kind: sorted(all_, key=lambda span: span.start) for kind, all_ in found.items()}


timelines = st.builds(
    lambda frequency, interval, epoch, start, days, early: plan(
        pricing(aggregation=aggregation()),
        calendar=Calendar(frequency, interval, epoch),
        start=start,
        end=start + timedelta(days=days),
        standing=Standing(Decimal(100), in_advance=early),
        minimum=Minimum(Decimal("1e9"), in_advance=early),
        counter_pricings=(seat_pricing(in_advance=early),),
        counter_values=seats(_2020_01_01=7),
    ),
    st.sampled_from([Frequency.WEEKLY, Frequency.MONTHLY, Frequency.ANNUALLY]),
    st.integers(1, 4),
    st.dates(date(2022, 1, 1), date(2024, 6, 30)) | st.sampled_from([date(2024, 1, 31), date(2024, 2, 29)]),
    st.integers(0, 365 * 24 * 60).map(lambda minutes: instant("2023-06-01") + timedelta(minutes=minutes)),
    st.integers(1, 250),
    st.booleans(),
)


def assert_tiled(found: list[Instants], attached: Attachment) -> None:
    assert (found[0].start, found[-1].end) == (attached.start, attached.end)
    assert all(left.end == right.start for left, right in itertools.pairwise(found))


def in_whole_days(attached: AttachedPlan, zone: tzinfo) -> AttachedPlan:
    """The plan from midnight to midnight."""
    assert attached.end
    start, end = (midnight(one.astimezone(zone).date(), zone) for one in (attached.start, attached.end))
    return replace(attached, start=start, end=end)


@settings(max_examples=30, deadline=None)
@given(timelines, st.sampled_from(ZONES))
def test_the_service_periods_of_every_charge_tile_the_life_of_the_plan(attached: AttachedPlan, zone_name: str) -> None:
    assert attached.end
    bills = life(attached, zone_name)
    assert_tiled(spans(bills)["USAGE"], attached)
    whole = in_whole_days(attached, time_zone(zone_name))
    found = spans(life(whole, zone_name))
    for kind in ("USAGE", "STANDING_CHARGE", "MINIMUM_SPEND", "COUNTER_RUNNING_TOTAL_CHARGE"):
        assert_tiled(found[kind], whole)
    used = sum(line.item.quantity for one in bills for line in one.lines if line.item.type == "USAGE")
    assert used == int((attached.end - attached.start).total_seconds())


@settings(max_examples=30, deadline=None)
@given(timelines, st.integers(2, 4), st.sampled_from(ZONES))
def test_standing_charges_for_several_periods_tile_them_too(attached: AttachedPlan, every: int, zone_name: str) -> None:
    grouped = replace(attached, standing=replace(attached.standing, interval=every, in_advance=True))
    found = spans(life(grouped, zone_name))["STANDING_CHARGE"]
    assert_tiled(found, grouped)


@settings(max_examples=30, deadline=None)
@given(timelines, st.integers(1, 249), st.sampled_from(ZONES))
def test_a_life_split_in_two_account_plans_costs_what_it_cost_whole(
    attached: AttachedPlan, days: int, zone_name: str
) -> None:
    """To within a cent per charge that the split rounds apart. At a midnight, so that days stay whole."""
    zone = time_zone(zone_name)
    whole = in_whole_days(attached, zone)
    assert whole.end
    cut = midnight(whole.start.astimezone(zone).date() + timedelta(days=days), zone)
    assume(whole.start < cut < whole.end)
    parts = (replace(whole, end=cut), replace(whole, start=cut))

    def cost(one: AttachedPlan, kind: str) -> Decimal:
        return sum(
            (line.item.subtotal for draft in life(one, zone_name) for line in draft.lines if line.item.type == kind),
            Decimal(0),
        )

    assert cost(parts[0], "USAGE") + cost(parts[1], "USAGE") == cost(whole, "USAGE")
    apart = cost(parts[0], "STANDING_CHARGE") + cost(parts[1], "STANDING_CHARGE")
    assert abs(apart - cost(whole, "STANDING_CHARGE")) <= Decimal("0.01")


@given(st.integers(1, 10**7), st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_the_exact_parts_of_a_split_period_are_the_whole(cents: int, cuts: list[int]) -> None:
    """Plans that follow on each other through June, unrounded: days ÷ 30 each, 30 ÷ 30 together."""
    edges = sorted({1, 31, *cuts})
    days = [later - earlier for earlier, later in itertools.pairwise(edges)]
    assert sum(Fraction(cents, 100) * count / 30 for count in days) == Fraction(cents, 100)
    amount = Decimal(cents) / 100
    shown = Decimal(0)
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        begins, ends = instant(f"2022-06-{first:02d}"), instant("2022-07-01" if last == 31 else f"2022-06-{last:02d}")
        owed = plan(account_plan_id=f"{number}", standing=Standing(amount), start=begins, end=ends)
        shown += bill(inputs("2022-07-01", owed)).total
    assert abs(shown - amount) <= Decimal("0.005") * len(days)


@pytest.mark.parametrize(
    ("zone_name", "day", "days", "hours"),
    [
        ("Europe/Berlin", "2024-04-01", 31, "743"),
        ("Europe/Berlin", "2024-11-01", 31, "745"),
        ("America/New_York", "2024-04-01", 31, "743"),
        ("America/New_York", "2024-12-01", 30, "721"),
        ("Pacific/Auckland", "2024-05-01", 30, "721"),
        ("Pacific/Auckland", "2024-10-01", 30, "719"),
        ("Australia/Adelaide", "2024-05-01", 30, "721"),
        ("Australia/Adelaide", "2024-11-01", 31, "743"),
        ("Australia/Lord_Howe", "2024-05-01", 30, "720.5"),
        ("Australia/Lord_Howe", "2024-11-01", 31, "743.5"),
        ("America/St_Johns", "2024-04-01", 31, "743"),
        ("America/Santiago", "2024-05-01", 30, "721"),
        ("America/Santiago", "2024-10-01", 30, "719"),
        ("Asia/Kolkata", "2024-04-01", 31, "744"),
    ],
)
def test_clocks_that_change_make_hours_and_no_days(zone_name: str, day: str, days: int, hours: str) -> None:
    zone = time_zone(zone_name)
    measured = aggregation(quantity_per_unit=Decimal(3600), rounding=Rounding.NONE)
    attached = plan(pricing(aggregation=measured), standing=Standing(Decimal(20)))
    window = closing_window(attached, date.fromisoformat(day), zone)
    assert window
    assert (window.days, (window.span.end - window.span.start) / HOUR) == (days, float(hours))
    draft = bill(inputs(day, attached, terms=terms(zone=zone, zone_name=zone_name)), seconds)
    assert lines(draft) == [("USAGE", f"{Decimal(hours):.2f}"), ("STANDING_CHARGE", "20.00")]


@pytest.mark.parametrize("zone_name", ZONES)
def test_every_day_of_a_year_is_billed_once_in_every_zone(zone_name: str) -> None:
    zone = time_zone(zone_name)
    daily = Calendar(Frequency.DAILY, 1, date(2024, 1, 1))
    start, end = midnight(date(2024, 1, 1), zone), midnight(date(2025, 1, 1), zone)
    attached = plan(pricing(), calendar=daily, start=start, end=end)
    found = spans(life(attached, zone_name))["USAGE"]
    assert len(found) == 366
    assert_tiled(found, attached)


@pytest.mark.parametrize(
    ("frequency", "interval", "epoch", "bills"),
    [
        ("MONTHLY", 1, "2024-01-31", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("MONTHLY", 1, "2023-01-31", ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]),
        ("MONTHLY", 3, "2023-11-30", ["2023-11-30", "2024-02-29", "2024-05-30", "2024-08-30", "2024-11-30"]),
        ("ANNUALLY", 1, "2024-02-29", ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("ANNUALLY", 4, "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
    ],
)
def test_bills_are_clamped_to_the_end_of_the_month_and_come_back(
    frequency: str, interval: int, epoch: str, bills: list[str]
) -> None:
    calendar = Calendar(Frequency(frequency), interval, date.fromisoformat(epoch))
    attached = plan(pricing(), calendar=calendar, start=instant("2022-01-01"))
    found = [str(one.end) for one in life(attached, "UTC", date.fromisoformat(bills[-1]))]
    assert found == bills


@pytest.mark.parametrize(
    ("end", "billed"),
    [("2025-01-01", "366.00"), ("2024-03-01", "60.00"), ("2024-02-29", "59.00")],
)
def test_a_leap_year_has_a_day_more_to_share(end: str, billed: str) -> None:
    calendar = Calendar(Frequency.ANNUALLY, 1, date(2024, 1, 1))
    attached = plan(calendar=calendar, standing=Standing(Decimal(366)), start=instant("2024-01-01"), end=instant(end))
    assert lines(bill(inputs("2025-01-01", attached))) == [("STANDING_CHARGE", billed)]


def test_the_charges_of_a_group_tile_its_life_as_those_of_a_plan_do() -> None:
    attached = group(
        start=instant("2022-01-15"),
        end=instant("2022-05-10"),
        standing=Standing(Decimal(31), in_advance=True),
        minimum=Minimum(Decimal(31)),
    )
    member = plan(start=attached.start, end=attached.end)
    days = ("2022-01-15", "2022-02-01", "2022-03-01", "2022-04-01", "2022-05-01", "2022-06-01")
    found = spans([bill(inputs(day, member, groups=(attached,))) for day in days])
    for kind in ("STANDING_CHARGE", "MINIMUM_SPEND"):
        assert_tiled(found[kind], attached)

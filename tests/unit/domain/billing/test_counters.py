"""Counters: running totals and adjustments (billing.md 4, W6)."""

from dataclasses import replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import (
    bill,
    inputs,
    instant,
    lines,
    plan,
    pricing,
    seat_pricing,
    seats,
)
from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.counters import CounterPricing, CounterValue
from usance.domain.billing.due import due_bills
from usance.domain.billing.pricings import Minimum

RUNNING, DEBIT, CREDIT = (
    "COUNTER_RUNNING_TOTAL_CHARGE",
    "COUNTER_ADJUSTMENT_DEBIT",
    "COUNTER_ADJUSTMENT_CREDIT",
)
UNPRORATED: dict[str, Any] = {"prorate_running_total": False, "prorate_debit": False, "prorate_credit": False}
W6 = {"_2024_06_01": 15, "_2024_06_15": 18}


def counted(*pricings: CounterPricing, values: dict[str, Any], **changes: Any) -> AttachedPlan:
    more = {"start": instant("2024-06-01"), "end": instant("2025-07-01"), **changes}
    return plan(counter_pricings=pricings, counter_values=values, **more)


def on(day: str, attached: AttachedPlan) -> list[tuple[str, str]]:
    return lines(bill(inputs(day, attached)))


def test_w6_in_arrears() -> None:
    attached = counted(seat_pricing(in_advance=False, **UNPRORATED), values=seats(**W6, _2024_07_10=25))
    june = bill(inputs("2024-07-01", attached))
    assert lines(june) == [(RUNNING, "30.00"), (DEBIT, "6.00")]
    assert june.total == Decimal("36.00")
    assert [line.item.units for line in june.lines] == [15, 3]
    assert on("2024-08-01", attached) == [(RUNNING, "36.00"), (DEBIT, "19.00")]


def test_w6_in_advance_a_bill_holds_the_changes_behind_it_and_the_total_ahead() -> None:
    attached = counted(seat_pricing(**UNPRORATED), values=seats(**W6))
    assert on("2024-06-01", attached) == [(RUNNING, "30.00")]
    draft = bill(inputs("2024-07-01", attached))
    assert lines(draft) == [(DEBIT, "6.00"), (RUNNING, "36.00")]
    debit, running = (line.item for line in draft.lines)
    assert (debit.span.start, debit.span.end) == (instant("2024-06-15"), instant("2024-07-01"))
    assert (running.span.start, running.span.end) == (instant("2024-07-01"), instant("2024-08-01"))
    assert (running.counter_id, running.pricing_id, running.unit) == ("counter", "seats", "seats")
    assert [band.subtotal for band in running.bands] == [36]
    assert on("2025-07-01", attached) == []  # the plan is over: nothing is ahead


def test_w6_prorated() -> None:
    attached = counted(seat_pricing(), values=seats(**W6, _2024_07_10=25))
    assert on("2024-07-01", attached) == [(DEBIT, "3.20"), (RUNNING, "36.00")]
    assert on("2024-08-01", attached) == [(DEBIT, "13.48"), (RUNNING, "55.00")]


def test_a_decrease_is_a_credit_for_the_rest_of_the_period() -> None:
    values = seats(_2024_06_01=25, _2024_06_16=15)
    assert on("2024-07-01", counted(seat_pricing(in_advance=False), values=values)) == [
        (RUNNING, "55.00"),
        (CREDIT, "-12.50"),
    ]
    whole = seat_pricing(in_advance=False, prorate_credit=False)
    assert on("2024-07-01", counted(whole, values=values)) == [(RUNNING, "55.00"), (CREDIT, "-25.00")]


def test_the_flags_act_one_by_one() -> None:
    values = seats(_2024_06_01=10, _2024_06_16=20, _2024_06_21=10)
    attached = counted(seat_pricing(in_advance=False, prorate_debit=False), values=values)
    assert on("2024-07-01", attached) == [(RUNNING, "20.00"), (DEBIT, "20.00"), (CREDIT, "-6.67")]


def test_a_plan_that_begins_inside_a_period_is_charged_its_days() -> None:
    attached = counted(seat_pricing(), values=seats(_2024_01_01=15), start=instant("2024-06-16"))
    assert on("2024-06-16", attached) == [(RUNNING, "15.00")]
    whole = counted(
        seat_pricing(prorate_running_total=False), values=seats(_2024_01_01=15), start=instant("2024-06-16")
    )
    assert on("2024-06-16", whole) == [(RUNNING, "30.00")]


def test_a_counter_that_was_never_set_costs_nothing_but_one_set_to_0_has_a_price() -> None:
    stairs = seat_pricing(rows=[(0, 12, 0), (4, 25, 0)], cumulative=False, in_advance=False, **UNPRORATED)
    assert on("2024-07-01", counted(stairs, values={})) == []
    assert on("2024-07-01", counted(stairs, values=seats(_2024_06_01=0))) == [(RUNNING, "12.00")]
    assert on("2024-07-01", counted(stairs, values=seats(_2024_06_10=3))) == [(DEBIT, "12.00")]
    assert on("2024-07-01", counted(stairs, values=seats(_2024_05_10=3, _2024_06_10=4))) == [
        (RUNNING, "12.00"),
        (DEBIT, "0.00"),
    ]


def test_setting_the_same_value_again_is_no_change() -> None:
    attached = counted(seat_pricing(in_advance=False), values=seats(_2024_06_01=15, _2024_06_15=15))
    assert on("2024-07-01", attached) == [(RUNNING, "30.00")]


def test_pricings_that_meet_inside_a_period_charge_their_own_days() -> None:
    old = seat_pricing("old", end=instant("2024-06-16"), in_advance=False)
    new = seat_pricing("new", start=instant("2024-06-16"), rows=[(0, 0, 4)], in_advance=False)
    attached = counted(old, new, values=seats(_2024_06_01=15, _2024_06_11=18))
    assert on("2024-07-01", attached) == [
        (RUNNING, "15.00"),  # 15 × 2 × 15/30
        (RUNNING, "36.00"),  # 18 × 4 × 15/30
        (DEBIT, "1.00"),  # 3 × 2 × 5/30
    ]
    unprorated = [replace(one, prorate_running_total=False) for one in (old, new)]
    assert on("2024-07-01", counted(*unprorated, values=seats(_2024_06_01=15))) == [(RUNNING, "30.00")]


def test_the_plans_pricing_replaces_its_templates() -> None:
    inherited = seat_pricing("template", of_template=True, rows=[(0, 0, 100)], in_advance=False)
    attached = counted(inherited, seat_pricing(in_advance=False), values=seats(_2024_06_01=1))
    assert on("2024-07-01", attached) == [(RUNNING, "2.00")]


@pytest.mark.parametrize("in_advance", [True, False])
def test_counters_count_towards_the_plans_minimum_wherever_they_were_billed(in_advance: bool) -> None:
    attached = counted(
        seat_pricing(in_advance=in_advance, **UNPRORATED),
        values=seats(**W6),
        minimum=Minimum(Decimal(100)),
        pricings=(pricing(),),
    )
    draft = bill(inputs("2024-07-01", attached), {"gb": 4})
    [lifted] = [line for line in draft.lines if line.item.type == "MINIMUM_SPEND"]
    assert lifted.converted_subtotal == Decimal("60.00")  # 100 less 30 + 6 of seats and 4 of usage


def test_only_a_counter_that_is_set_opens_service_with_a_bill() -> None:
    def opening(attached: AttachedPlan) -> bool:
        return any(due.opens for due in due_bills([attached], date(2024, 6, 20), UTC))

    start = instant("2024-06-15")
    assert opening(counted(seat_pricing(), values=seats(**W6), start=start))
    assert not opening(counted(seat_pricing(), values={}, start=start))
    assert not opening(counted(seat_pricing(in_advance=False), values=seats(**W6), start=start))


days = st.dates(date(2024, 1, 1), date(2024, 12, 30))


@given(
    st.dictionaries(days, st.integers(0, 50), max_size=8),
    st.booleans(),
    days,
    st.integers(1, 300),
)
def test_at_a_flat_price_every_day_costs_its_value(
    changes: dict[date, int], in_advance: bool, start: date, length: int
) -> None:
    """Whatever moves when: the items of a life come to the price × the value of each day ÷ the days of its month."""
    values = {"counter": tuple(CounterValue(day, Decimal(value)) for day, value in sorted(changes.items()))}
    end = start + timedelta(days=length)
    flat = seat_pricing(rows=[(0, 0, 3)], in_advance=in_advance)
    attached = counted(flat, values=values, start=instant(start.isoformat()), end=instant(end.isoformat()))
    firsts = [date(2024 + month // 12, month % 12 + 1, 1) for month in range(24)]
    billed = [line for day in sorted({start, *firsts}) for line in bill(inputs(day.isoformat(), attached)).lines]
    expected = Decimal(0)
    for first, following in pairwise(firsts):
        for day in (first + timedelta(days=n) for n in range((following - first).days)):
            if start <= day < end:
                known = [value.value for value in values["counter"] if value.day <= day]
                expected += Decimal(3) * (known[-1] if known else 0) / (following - first).days
    total = sum((line.converted_subtotal for line in billed), Decimal(0))
    assert abs(total - expected) <= Decimal("0.005") * len(billed) + Decimal("1e-20")

"""Counters, from the formulas of billing.md 4."""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from tests.unit.domain.billing.naive.arithmetic import DAY, ZERO, price
from tests.unit.domain.billing.naive.lines import CounterPrice, Deal, Window
from tests.unit.domain.billing.naive.stretches import stretches

Found = tuple[str, str, Fraction, date, date]
"""Kind, pricing, amount, from when to when."""


def totals(
    deal: Deal, values: dict[str, Sequence[tuple[date, int]]], window: Window, *, early: bool
) -> Iterator[Found]:
    """The running totals of a window. One that is not prorated is charged once, at the first price."""
    whole: set[str] = set()
    for chosen, days in stretches(deal.counters, window.days):
        value = _value(values, chosen, days[0])
        if value is None or (not chosen.totals and chosen.counter in whole):
            continue
        if not chosen.totals:
            whole.add(chosen.counter)
        if chosen.early == early:
            amount = price(chosen.bands, Fraction(value), cumulative=chosen.cumulative)
            share = window.share(len(days)) if chosen.totals else Fraction(1)
            yield "COUNTER_RUNNING_TOTAL_CHARGE", chosen.id, amount * share, days[0], days[-1] + DAY


def changes(deal: Deal, values: dict[str, Sequence[tuple[date, int]]], window: Window) -> Iterator[Found]:
    """Every later change of a window: what the new value costs more than the old."""
    for chosen, days in stretches(deal.counters, window.days):
        before = _value(values, chosen, days[0])
        for n, day in enumerate(days[1:], start=1):
            value = next((to for on, to in values[chosen.counter] if on == day), before)
            if value is None or value == before:
                continue
            cost = price(chosen.bands, Fraction(value), cumulative=chosen.cumulative)
            old = ZERO if before is None else price(chosen.bands, Fraction(before), cumulative=chosen.cumulative)
            more = cost - old
            rises = more > 0 or (more == 0 and value >= (before or 0))
            kind = "COUNTER_ADJUSTMENT_DEBIT" if rises else "COUNTER_ADJUSTMENT_CREDIT"
            share = window.share(len(days) - n) if (chosen.rises if rises else chosen.falls) else Fraction(1)
            yield kind, chosen.id, more * share, day, days[-1] + DAY
            before = value


def _value(values: dict[str, Sequence[tuple[date, int]]], chosen: CounterPrice, day: date) -> int | None:
    known = [to for on, to in values[chosen.counter] if on <= day]
    return known[-1] if known else None

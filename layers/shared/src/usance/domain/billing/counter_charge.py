"""Counters: what is owed for a value that an account is set to, and for its changes (billing.md 4, W6).

The value a period begins with, an adjustment of its first day included, is the running total. Each later change costs
the price of the new value less that of the old one, and is settled in arrears.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.billed import Billed, covered, left, paid_in, total_of, touches
from usance.domain.billing.context import Context, Served
from usance.domain.billing.counters import CounterPricing
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.priced_spans import PricedSpan, priced_spans
from usance.domain.billing.proration import prorated
from usance.domain.billing.windows import Window
from usance.domain.kernel.period import Instants, cut
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import days_of, local_day, midnight
from usance.domain.rating.bands import Charge
from usance.domain.rating.spanning import spanning_charge

DESCRIPTIONS = {
    LineItemType.COUNTER_RUNNING_TOTAL_CHARGE: "Counter Running Total Charge",
    LineItemType.COUNTER_ADJUSTMENT_DEBIT: "Counter Adjustment Debit",
    LineItemType.COUNTER_ADJUSTMENT_CREDIT: "Counter Adjustment Credit",
}


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a counter's value. `before` is None when the counter had no value, which costs nothing; 0 may."""

    span: Instants
    before: Decimal | None
    after: Decimal


def counter_charges(context: Context, _: Sequence[Item]) -> Sequence[Item]:
    """The items of every plan's counters: running totals that are due, and the changes of the period that ends."""
    items: list[Item] = []
    for served in context.served:
        items.extend(_totals_in_arrears(context, served))
        for window in served.unsettled:
            for priced in priced_spans(served.plan.counter_pricings, window.span):
                for part in _stretches(served.plan, priced):
                    items.extend(_adjustments(context, served.plan, window, part))
        items.extend(_totals_in_advance(context, served))
        items.extend(_totals_given_back(context, served))
    return items


def counter_times(context: Context, served: Served[Attachment]) -> Sequence[Billed]:
    """The time that the bill charges running totals of a plan for, or gives back."""
    plan = served.plan
    if not isinstance(plan, AttachedPlan):
        return ()
    mine = Served(plan, served.closing, served.starting, served.unsettled, served.over)
    items = (
        *_totals_in_arrears(context, mine),
        *_totals_in_advance(context, mine),
        *_totals_given_back(context, mine),
    )
    return [Billed(total_of(item.counter_id), item.span, item.subtotal) for item in items if item.counter_id]


def billed_before(context: Context, plan: AttachedPlan, window: Window) -> Decimal:
    """What the bill that opened `window`, or another, charged for its running totals; not rounded where it was for more days."""
    zone = context.inputs.terms.zone
    counters = sorted({total_of(one.counter.id) for one in plan.counter_pricings})
    elsewhere = {
        what: paid_in(plan.billed, what, window.span, zone)
        for what in counters
        if touches(plan.billed, what, window.span)
    }
    known = {*elsewhere, *plan.still_in_arrears}
    usual = (
        item.subtotal
        for priced in _totals(context, plan, window)
        if priced.pricing.in_advance and total_of(priced.pricing.counter.id) not in known
        for item in _total(context, plan, window, priced)
    )
    return sum((*elsewhere.values(), *usual), ZERO)


def _totals_in_arrears(context: Context, served: Served[AttachedPlan]) -> Iterator[Item]:
    """Those of the period that ends, and of those in advance what other bills have left of it, if they have a part."""
    if window := served.closing:
        for priced in _totals(context, served.plan, window):
            pricing, what = priced.pricing, total_of(priced.pricing.counter.id)
            partly = touches(served.plan.billed, what, window.span)
            if partly and not pricing.prorate_running_total:
                continue  # charged whole
            if partly or not pricing.in_advance or what in served.plan.still_in_arrears:
                for span in left(served.plan.billed, what, priced.span):
                    yield from _total(context, served.plan, window, PricedSpan(pricing, span))


def _totals_in_advance(context: Context, served: Served[AttachedPlan]) -> Iterator[Item]:
    """Those of the period that begins, where no other bill has a part of it."""
    if window := served.starting:
        for priced in _totals(context, served.plan, window):
            what = total_of(priced.pricing.counter.id)
            if priced.pricing.in_advance and not touches(served.plan.billed, what, window.span):
                yield from _total(context, served.plan, window, priced)


def _totals_given_back(context: Context, served: Served[AttachedPlan]) -> Iterator[Item]:
    """What other bills have of the time after the plan's end; a total that is not prorated is owed whole."""
    plan, over = served.plan, served.over
    by_counter = {one.counter.id: one for one in plan.counter_pricings if one.prorate_running_total} if over else {}
    for counter_id, pricing in sorted(by_counter.items()):
        for span in covered(plan.billed, total_of(counter_id), over) if over else ():
            back = paid_in(plan.billed, total_of(counter_id), span, context.inputs.terms.zone)
            workings = [Working("GIVEN_BACK", (("billed", back),), -back)]
            kind = LineItemType.COUNTER_ADJUSTMENT_CREDIT
            yield _item(context, plan, pricing, span, kind, Charge(ZERO, (), ZERO), workings)


def _totals(context: Context, plan: AttachedPlan, window: Window) -> Iterator[PricedSpan[CounterPricing]]:
    """The running totals of `window`, by the pricings that charge them.

    Pricings that meet inside the window each charge their own days. One that is not prorated charges the whole period,
    which is charged once: by the first of them.
    """
    whole: set[str] = set()
    for priced in priced_spans(plan.counter_pricings, window.span):
        pricing = priced.pricing
        if _value_at(context, plan, priced) is None or (
            not pricing.prorate_running_total and pricing.counter.id in whole
        ):
            continue
        if not pricing.prorate_running_total:
            whole.add(pricing.counter.id)
        yield priced


def _total(context: Context, plan: AttachedPlan, window: Window, priced: PricedSpan[CounterPricing]) -> Iterator[Item]:
    value = _value_at(context, plan, priced)
    if value is not None:
        change = _Change(priced.span, None, value)
        yield _moved_item(context, plan, window, priced.pricing, change, LineItemType.COUNTER_RUNNING_TOTAL_CHARGE)


def _stretches(plan: AttachedPlan, priced: PricedSpan[CounterPricing]) -> Iterator[PricedSpan[CounterPricing]]:
    """Cut where the running total that another bill has begins or ends: the next one starts from the value of then."""
    what = total_of(priced.pricing.counter.id)
    edges = {edge for one in plan.billed if one.what == what for edge in (one.span.start, one.span.end)}
    for span in cut(priced.span, edges):
        yield PricedSpan(priced.pricing, span)


def _adjustments(
    context: Context, plan: AttachedPlan, window: Window, priced: PricedSpan[CounterPricing]
) -> Iterator[Item]:
    for change in _changes(context, plan, priced):
        amount = _price(priced.pricing, change).subtotal
        rises = amount > ZERO or (amount == ZERO and change.after >= (change.before or ZERO))
        kind = LineItemType.COUNTER_ADJUSTMENT_DEBIT if rises else LineItemType.COUNTER_ADJUSTMENT_CREDIT
        yield _moved_item(context, plan, window, priced.pricing, change, kind)


def _changes(context: Context, plan: AttachedPlan, priced: PricedSpan[CounterPricing]) -> Iterator[_Change]:
    """The changes after the first day of the stretch, each lasting to its end."""
    zone = context.inputs.terms.zone
    first = local_day(priced.span.start, zone)
    before = _value_at(context, plan, priced)
    for one in plan.counter_values.get(priced.pricing.counter.id, ()):
        if one.day > first and (begins := midnight(one.day, zone)) < priced.span.end:
            if one.value != before:
                yield _Change(Instants(begins, priced.span.end), before, one.value)
            before = one.value


def _value_at(context: Context, plan: AttachedPlan, priced: PricedSpan[CounterPricing]) -> Decimal | None:
    """What the counter stands at when the stretch begins, a change of that day included."""
    day = local_day(priced.span.start, context.inputs.terms.zone)
    values = plan.counter_values.get(priced.pricing.counter.id, ())
    return next((one.value for one in reversed(values) if one.day <= day), None)


def _price(pricing: CounterPricing, change: _Change) -> Charge:
    """What the change moves the price of a whole period by."""
    step = EXACT.subtract(change.after, change.before or ZERO)
    return spanning_charge(pricing.bands, change.before, step, cumulative=pricing.cumulative)


def _moved_item(
    context: Context, plan: AttachedPlan, window: Window, pricing: CounterPricing, change: _Change, kind: LineItemType
) -> Item:
    """The item of a change. Its bands show the price of the whole period; its subtotal is that of the days it is for."""
    price = _price(pricing, change)
    workings = [_moved(price, change)]
    if _is_prorated(pricing, kind):
        days = days_of(change.span, context.inputs.terms.zone)
        workings.append(prorated(price.subtotal, days, window.standard.days))
    return _item(context, plan, pricing, change.span, kind, price, workings)


def _item(
    context: Context,
    plan: AttachedPlan,
    pricing: CounterPricing,
    span: Instants,
    kind: LineItemType,
    price: Charge,
    workings: Sequence[Working],
) -> Item:
    amount, units = workings[-1].result, abs(price.units)
    return Item(
        type=kind,
        description=pricing.description or DESCRIPTIONS[kind],
        origin=plan.origin,
        accounting_product=context.product(pricing.accounting_product_id, plan.product.id),
        span=span,
        subtotal=context.inputs.terms.currency(plan.currency).round(amount),
        quantity=units,
        units=units,
        unit=pricing.counter.unit,
        average_unit_price=EXACT.divide(amount, units) if units else ZERO,
        bands=price.bands,
        pricing_id=pricing.id,
        counter_id=pricing.counter.id,
        workings=tuple(workings),
    )


def _moved(price: Charge, change: _Change) -> Working:
    before = () if change.before is None else (("before", change.before),)
    return Working("COUNTER_MOVED", (*before, ("after", change.after)), price.subtotal)


def _is_prorated(pricing: CounterPricing, kind: LineItemType) -> bool:
    return {
        LineItemType.COUNTER_RUNNING_TOTAL_CHARGE: pricing.prorate_running_total,
        LineItemType.COUNTER_ADJUSTMENT_DEBIT: pricing.prorate_debit,
        LineItemType.COUNTER_ADJUSTMENT_CREDIT: pricing.prorate_credit,
    }[kind]

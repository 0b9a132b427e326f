"""Counters: what is owed for a value that an account is set to, and for its changes (billing.md 4, W6).

The value a period begins with, an adjustment of its first day included, is the running total. Each later change costs
the price of the new value less that of the old one, and is settled in arrears.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.context import Context
from usance.domain.billing.counters import CounterPricing
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.priced_spans import PricedSpan, priced_spans
from usance.domain.billing.proration import prorated
from usance.domain.billing.windows import Window
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import local_day, midnight
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
        items.extend(running_totals(context, served.plan, served.closing, in_advance=False))
        if served.closing:
            for priced in priced_spans(served.plan.counter_pricings, served.closing.span):
                items.extend(_adjustments(context, served.plan, served.closing, priced))
        items.extend(running_totals(context, served.plan, served.starting, in_advance=True))
    return items


def running_totals(context: Context, plan: AttachedPlan, window: Window | None, *, in_advance: bool) -> Iterator[Item]:
    """The running total items of `window`, of pricings that bill them in advance or of those that do not.

    Pricings that meet inside the window each charge their own days. One that is not prorated charges the whole period,
    which is charged once: by the first of them.
    """
    if window is None:
        return
    whole: set[str] = set()
    for priced in priced_spans(plan.counter_pricings, window.span):
        pricing = priced.pricing
        value = _value_at(context, plan, priced)
        if value is None or (not pricing.prorate_running_total and pricing.counter.id in whole):
            continue
        if not pricing.prorate_running_total:
            whole.add(pricing.counter.id)
        if pricing.in_advance is in_advance:
            change = _Change(priced.span, None, value)
            yield _item(context, plan, window, pricing, change, LineItemType.COUNTER_RUNNING_TOTAL_CHARGE)


def _adjustments(
    context: Context, plan: AttachedPlan, window: Window, priced: PricedSpan[CounterPricing]
) -> Iterator[Item]:
    for change in _changes(context, plan, priced):
        amount = _price(priced.pricing, change).subtotal
        rises = amount > ZERO or (amount == ZERO and change.after >= (change.before or ZERO))
        kind = LineItemType.COUNTER_ADJUSTMENT_DEBIT if rises else LineItemType.COUNTER_ADJUSTMENT_CREDIT
        yield _item(context, plan, window, priced.pricing, change, kind)


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


def _item(
    context: Context, plan: AttachedPlan, window: Window, pricing: CounterPricing, change: _Change, kind: LineItemType
) -> Item:
    """The item of a change. Its bands show the price of the whole period; its subtotal is that of the days it is for."""
    price = _price(pricing, change)
    workings = [_moved(price, change)]
    if _is_prorated(pricing, kind):
        zone = context.inputs.terms.zone
        days = (local_day(change.span.end, zone) - local_day(change.span.start, zone)).days
        workings.append(prorated(price.subtotal, days, window.standard.days))
    amount, units = workings[-1].result, abs(price.units)
    return Item(
        type=kind,
        description=pricing.description or DESCRIPTIONS[kind],
        origin=plan.origin,
        accounting_product=context.product(pricing.accounting_product_id, plan.product.id),
        span=change.span,
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

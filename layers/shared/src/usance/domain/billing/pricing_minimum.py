"""The minimum spend of a pricing: the pricing's own usage qualifies (billing.md 3.2)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.billed import Billed, minimum_of, touches
from usance.domain.billing.context import Context, Served
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.minimum_spend import (
    Floor,
    advance_items,
    advanced_for,
    closed,
    closing_items,
    due_amount,
    given_back,
    times_of,
)
from usance.domain.billing.priced_spans import priced_spans
from usance.domain.billing.pricings import Pricing, PricingType
from usance.domain.billing.windows import Window
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ZERO
from usance.domain.kernel.timezones import local_day


def pricing_minimums(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """The minimum spend items of every pricing that has one."""
    items: list[Item] = []
    for served in context.served:
        floored = _floored(served.plan)
        opening = {item.pricing_id: item for item in _opening(context, served)}
        closing = [
            (window, _shares(context, served.plan, window), _usage_by_pricing(so_far, served.plan, window))
            for window in (closed(served) if floored else ())
        ]
        for pricing in floored:
            floor, what = _floor(context, served.plan, pricing), minimum_of(pricing.id)
            if pricing.id in opening:
                items.append(opening[pricing.id])
            for window, shares, spent in closing:
                if pricing.id in shares:
                    amount, span = shares[pricing.id]
                    before = advanced_for(context, floor, what, served, window, amount)
                    items.extend(closing_items(floor, amount, spent.get(pricing.id, ZERO), span, before))
        for pricing in served.plan.pricings if served.over else ():
            floor = _floor(context, served.plan, pricing)
            items.extend(given_back(context, floor, minimum_of(pricing.id), served))
    return items


def pricing_minimum_times(context: Context, served: Served[Attachment]) -> Sequence[Billed]:
    """The time that the bill charges minimums of the plan's pricings for, or gives back."""
    if not isinstance(served.plan, AttachedPlan):
        return ()
    opening = {item.pricing_id: [item] for item in _opening(context, served)}
    concerned = served.plan.pricings if served.over else _floored(served.plan)
    return [
        one
        for pricing in concerned
        for one in times_of(
            context,
            _floor(context, served.plan, pricing),
            minimum_of(pricing.id),
            served,
            opening.get(pricing.id, ()),
        )
    ]


def advanced_amount(context: Context, served: Served[AttachedPlan], window: Window) -> Decimal:
    """What pricings' minimums in advance billed for `window`, on the bill that opened it."""
    shares, plan = _shares(context, served.plan, window), served.plan
    return sum(
        (
            advanced_for(
                context, _floor(context, plan, pricing), minimum_of(pricing.id), served, window, shares[pricing.id][0]
            )
            for pricing in _floored(plan)
            if pricing.id in shares
        ),
        ZERO,
    )


def _opening(context: Context, served: Served[Attachment]) -> Sequence[Item]:
    """The items that bill minimums in advance; none of a pricing of which another bill has some of that time."""
    plan, window = served.plan, served.starting
    if not isinstance(plan, AttachedPlan) or window is None:
        return ()
    shares = _shares(context, plan, window)
    return [
        item
        for pricing in _floored(plan)
        if pricing.minimum.in_advance and pricing.id in shares
        if not touches(plan.billed, minimum_of(pricing.id), window.span)
        for item in advance_items(_floor(context, plan, pricing), *shares[pricing.id])
    ]


def _floored(plan: AttachedPlan) -> Sequence[Pricing]:
    return [pricing for pricing in plan.pricings if pricing.minimum.amount and pricing.type is PricingType.DEBIT]


def _floor(context: Context, plan: AttachedPlan, pricing: Pricing) -> Floor:
    product = context.product(pricing.accounting_product_id, pricing.aggregation.accounting_product_id, plan.product.id)
    description = f"{pricing.aggregation.name} Minimum Spend Adjustment"
    return Floor(plan.origin, pricing.minimum, description, product, pricing.id)


def _shares(context: Context, plan: AttachedPlan, window: Window | None) -> Mapping[str, tuple[Decimal, Instants]]:
    """By pricing: the minimum for the days of `window` on which it applies, and from when to when."""
    if window is None or not _floored(plan):
        return {}
    spans: dict[str, list[Instants]] = {}
    for priced in priced_spans(plan.pricings, window.span):
        spans.setdefault(priced.pricing.id, []).append(priced.span)
    zone = context.inputs.terms.zone
    shares: dict[str, tuple[Decimal, Instants]] = {}
    for pricing in _floored(plan):
        if applied := spans.get(pricing.id):
            days = sum((local_day(span.end, zone) - local_day(span.start, zone)).days for span in applied)
            amount = due_amount(context, _floor(context, plan, pricing), days, window.standard.days)
            shares[pricing.id] = (amount, Instants(applied[0].start, applied[-1].end))
    return shares


def _usage_by_pricing(so_far: Sequence[Item], plan: AttachedPlan, window: Window) -> Mapping[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for item in so_far:
        inside = window.span.start <= item.span.start < window.span.end
        if inside and item.type is LineItemType.USAGE and item.pricing_id and item.origin.is_of(plan):
            amounts[item.pricing_id] = amounts.get(item.pricing_id, ZERO) + item.subtotal
    return amounts

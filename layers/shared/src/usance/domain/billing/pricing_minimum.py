"""The minimum spend of a pricing: the pricing's own usage qualifies (billing.md 3.2)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.context import Context
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.minimum_spend import Floor, advance_items, closing_items, due_amount
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
        own_usage = _usage_by_pricing(so_far, served.plan)
        starting = _shares(context, served.plan, served.starting)
        closing = _shares(context, served.plan, served.closing)
        for pricing in _floored(served.plan):
            floor = _floor(context, served.plan, pricing)
            if pricing.minimum.in_advance and pricing.id in starting:
                items.extend(advance_items(floor, *starting[pricing.id]))
            if pricing.id in closing:
                amount, span = closing[pricing.id]
                items.extend(closing_items(floor, amount, own_usage.get(pricing.id, ZERO), span))
    return items


def advanced_amount(context: Context, plan: AttachedPlan, window: Window) -> Decimal:
    """What pricings' minimums in advance billed for `window`, on the bill that opened it."""
    shares = _shares(context, plan, window)
    return sum(
        (shares[pricing.id][0] for pricing in _floored(plan) if pricing.minimum.in_advance and pricing.id in shares),
        ZERO,
    )


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


def _usage_by_pricing(so_far: Sequence[Item], plan: AttachedPlan) -> Mapping[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for item in so_far:
        if item.type is LineItemType.USAGE and item.pricing_id and item.origin.is_of(plan):
            amounts[item.pricing_id] = amounts.get(item.pricing_id, ZERO) + item.subtotal
    return amounts

"""The minimum spend of a pricing: the pricing's own usage qualifies (billing.md 3.2)."""

from collections.abc import Sequence
from decimal import Decimal

from usance.domain.billing.context import Context
from usance.domain.billing.inputs import AttachedPlan, Pricing, PricingType
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.minimum_spend import Floor, advance_items, closing_items, due_amount
from usance.domain.billing.priced_spans import priced_spans
from usance.domain.billing.windows import Window
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ZERO
from usance.domain.kernel.timezones import local_day


def pricing_minimums(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """The minimum spend items of every pricing that has one."""
    items: list[Item] = []
    for served in context.served:
        for pricing in _floored(served.plan):
            floor = _floor(context, served.plan, pricing)
            if pricing.minimum.in_advance and served.starting:
                amount, span = _share(context, floor, pricing, served.starting)
                items.extend(advance_items(floor, amount, span))
            if served.closing:
                amount, span = _share(context, floor, pricing, served.closing)
                items.extend(closing_items(floor, amount, _own_usage(so_far, served.plan, pricing), span))
    return items


def advanced_amount(context: Context, plan: AttachedPlan, window: Window) -> Decimal:
    """What pricings' minimums in advance billed for `window`, on the bill that opened it."""
    return sum(
        (
            _share(context, _floor(context, plan, pricing), pricing, window)[0]
            for pricing in _floored(plan)
            if pricing.minimum.in_advance
        ),
        ZERO,
    )


def _floored(plan: AttachedPlan) -> Sequence[Pricing]:
    return [pricing for pricing in plan.pricings if pricing.minimum.amount and pricing.type is PricingType.DEBIT]


def _floor(context: Context, plan: AttachedPlan, pricing: Pricing) -> Floor:
    product = context.product(pricing.accounting_product_id, pricing.aggregation.accounting_product_id, plan.product.id)
    description = f"{pricing.aggregation.name} Minimum Spend Adjustment"
    return Floor(plan, pricing.minimum, description, product, pricing.id)


def _share(context: Context, floor: Floor, pricing: Pricing, window: Window) -> tuple[Decimal, Instants]:
    """The minimum for the days of `window` on which the pricing applies, and from when to when; 0 when it never does."""
    zone = context.inputs.terms.zone
    spans = [
        priced.span for priced in priced_spans(floor.plan.pricings, window.span) if priced.pricing.id == pricing.id
    ]
    if not spans:
        return ZERO, window.span
    days = sum((local_day(span.end, zone) - local_day(span.start, zone)).days for span in spans)
    return due_amount(context, floor, days, window.standard.days), Instants(spans[0].start, spans[-1].end)


def _own_usage(so_far: Sequence[Item], plan: AttachedPlan, pricing: Pricing) -> Decimal:
    return sum(
        (
            item.subtotal
            for item in so_far
            if item.type is LineItemType.USAGE
            and item.pricing_id == pricing.id
            and item.plan.account_plan_id == plan.account_plan_id
        ),
        ZERO,
    )

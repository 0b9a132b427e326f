"""The minimum spend of a plan: its usage, counters and pricings' minimums qualify, its standing charge does not (Q5)."""

from collections.abc import Sequence
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan
from usance.domain.billing.context import Context
from usance.domain.billing.counter_charge import running_totals
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.minimum_spend import Floor, advance_items, closing_items, due_amount
from usance.domain.billing.pricing_minimum import advanced_amount
from usance.domain.billing.windows import Window
from usance.domain.kernel.quantity import ZERO

QUALIFYING = frozenset(
    {
        LineItemType.USAGE,
        LineItemType.COUNTER_RUNNING_TOTAL_CHARGE,
        LineItemType.COUNTER_ADJUSTMENT_DEBIT,
        LineItemType.COUNTER_ADJUSTMENT_CREDIT,
        LineItemType.MINIMUM_SPEND,
        LineItemType.MINIMUM_SPEND_REFUND,
    }
)


def plan_minimums(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """The minimum spend items of every plan that has one."""
    items: list[Item] = []
    for served in context.served:
        if not served.plan.minimum.amount:
            continue
        floor = _floor(context, served.plan)
        if served.plan.minimum.in_advance and (window := served.starting):
            items.extend(
                advance_items(floor, due_amount(context, floor, window.days, window.standard.days), window.span)
            )
        if window := served.closing:
            amount = due_amount(context, floor, window.days, window.standard.days)
            items.extend(closing_items(floor, amount, qualifying(context, so_far, served.plan, window), window.span))
    return items


def advanced_minimum(context: Context, plan: AttachedPlan, window: Window) -> Decimal:
    """What the plan's minimum in advance billed for `window`, on the bill that opened it."""
    if not plan.minimum.in_advance or not plan.minimum.amount:
        return ZERO
    return due_amount(context, _floor(context, plan), window.days, window.standard.days)


def _floor(context: Context, plan: AttachedPlan) -> Floor:
    product = context.product(plan.minimum.accounting_product_id, plan.product.id)
    return Floor(plan.origin, plan.minimum, f"{plan.product.name} Minimum Spend Adjustment", product)


def qualifying(context: Context, so_far: Sequence[Item], plan: AttachedPlan, window: Window) -> Decimal:
    """What the plan's prices cost in `window`: this bill's items of the period, and what was billed for it in advance."""
    items = (
        item.subtotal
        for item in so_far
        if item.type in QUALIFYING and item.origin.is_of(plan) and item.span.end <= window.span.end
    )
    counted = (item.subtotal for item in running_totals(context, plan, window, in_advance=True))
    return sum((*items, *counted), advanced_amount(context, plan, window))

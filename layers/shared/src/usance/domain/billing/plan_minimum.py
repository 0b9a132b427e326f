"""The minimum spend of a plan: its usage, counters and pricings' minimums qualify, its standing charge does not (Q5)."""

from collections.abc import Sequence
from decimal import Decimal

from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.billed import MINIMUM, Billed
from usance.domain.billing.context import Context, Served
from usance.domain.billing.counter_charge import billed_before
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.minimum_spend import (
    Floor,
    advanced_for,
    closed,
    closing_items,
    due_amount,
    given_back,
    opening_minimum,
    times_of,
)
from usance.domain.billing.pricing_minimum import advanced_amount
from usance.domain.billing.windows import Window
from usance.domain.kernel.quantity import EXACT, ZERO

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
        floor = _floor(context, served.plan)
        items.extend(opening_minimum(context, floor, served))
        if served.plan.minimum.amount:
            for window in closed(served):
                amount = due_amount(context, floor, window.days, window.standard.days)
                qualified = qualifying(context, so_far, served, window)
                before = advanced_for(context, floor, MINIMUM, served, window, amount)
                items.extend(closing_items(floor, amount, qualified, window.span, before))
        items.extend(given_back(context, floor, MINIMUM, served))
    return items


def minimum_times(context: Context, served: Served[Attachment]) -> Sequence[Billed]:
    """The time that the bill charges the minimum of a plan or plan group for, or gives back."""
    floor = Floor(served.plan.origin, served.plan.minimum, "", None)
    return times_of(context, floor, MINIMUM, served, opening_minimum(context, floor, served))


def advanced_minimum(context: Context, served: Served[AttachedPlan], window: Window) -> Decimal:
    """What the plan's minimum in advance billed for `window`, on the bill that opened it."""
    if not served.plan.minimum.amount:
        return ZERO
    floor = _floor(context, served.plan)
    amount = due_amount(context, floor, window.days, window.standard.days)
    return advanced_for(context, floor, MINIMUM, served, window, amount)


def _floor(context: Context, plan: AttachedPlan) -> Floor:
    product = context.product(plan.minimum.accounting_product_id, plan.product.id)
    return Floor(plan.origin, plan.minimum, f"{plan.product.name} Minimum Spend Adjustment", product)


def qualifying(context: Context, so_far: Sequence[Item], served: Served[AttachedPlan], window: Window) -> Decimal:
    """What the plan's prices cost in `window`: this bill's items of the period, and what was billed for it in advance."""
    plan = served.plan
    items = (
        item.subtotal
        for item in so_far
        if item.type in QUALIFYING
        and item.origin.is_of(plan)
        and window.span.start <= item.span.start
        and item.span.end <= window.span.end
    )
    before = EXACT.add(billed_before(context, plan, window), advanced_amount(context, served, window))
    return sum(items, before)

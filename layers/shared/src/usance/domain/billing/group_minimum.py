"""The minimum spend of a plan group: what its plans' minimums count, and those minimums, count here (billing.md 3.2, W19).

Plans of another calendar than the group's are settled on other bills and do not count.
"""

from collections.abc import Sequence
from decimal import Decimal

from usance.domain.billing.attached import AttachedGroup, AttachedPlan
from usance.domain.billing.billed import MINIMUM
from usance.domain.billing.context import Context, Served
from usance.domain.billing.items import Item
from usance.domain.billing.minimum_spend import (
    Floor,
    advanced_for,
    closing_items,
    due_amount,
    given_back,
    opening_minimum,
)
from usance.domain.billing.plan_minimum import advanced_minimum, qualifying
from usance.domain.billing.windows import Window
from usance.domain.kernel.quantity import EXACT, ZERO


def group_minimums(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """The minimum spend items of every plan group that has one."""
    items: list[Item] = []
    for served in context.served_groups:
        group = served.plan
        floor = Floor(
            group.origin,
            group.minimum,
            f"{group.name} Minimum Spend Adjustment",
            context.product(group.minimum.accounting_product_id),
        )
        items.extend(opening_minimum(context, floor, served))
        for window in served.unsettled if group.minimum.amount else ():
            amount = due_amount(context, floor, window.days, window.standard.days)
            spent = sum((_spent(context, so_far, member, window) for member in _members(context, group)), ZERO)
            before = advanced_for(context, floor, MINIMUM, served, window, amount)
            spent_here = _in_currency(context, spent, group.currency)
            items.extend(closing_items(floor, amount, spent_here, window.span, before))
        items.extend(given_back(context, floor, MINIMUM, served))
    return items


def _members(context: Context, group: AttachedGroup) -> Sequence[Served[AttachedPlan]]:
    return [
        served
        for served in context.served
        if served.plan.account_plan_id == group.account_plan_id and served.plan.calendar == group.calendar
    ]


def _spent(context: Context, so_far: Sequence[Item], member: Served[AttachedPlan], window: Window) -> Decimal:
    """What a plan cost in `window`, its minimums in advance included, in the billing currency."""
    plan, terms = member.plan, context.inputs.terms
    own = qualifying(context, so_far, member, window) + advanced_minimum(context, member, window)
    return EXACT.multiply(own, terms.rate(plan.currency, terms.billing_currency)) if own else ZERO


def _in_currency(context: Context, amount: Decimal, currency: str) -> Decimal:
    """An amount of the billing currency in the group's, rounded there: what was converted has any number of places."""
    terms = context.inputs.terms
    return terms.priced(amount, currency) if amount else amount  # nothing needs no rate

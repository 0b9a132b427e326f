"""Credit pricings: usage that earns a discount, never below nothing (billing.md 2.6, W23)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from usance.domain.billing.context import Context
from usance.domain.billing.family_items import are_one_line, parts_of, summarized
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.priced_spans import priced_spans
from usance.domain.billing.pricings import PricingType
from usance.domain.billing.usage_charge import is_priced_below_zero, rated_item
from usance.domain.kernel.quantity import EXACT, ZERO


def product_credits(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """USAGE_CREDIT items capped at the other items of the same product."""
    return _credits(context, so_far, PricingType.PRODUCT_CREDIT, lambda a, b: a.origin.product == b.origin.product)


def global_credits(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """USAGE_CREDIT items capped at all other items of the bill."""
    return _credits(context, so_far, PricingType.GLOBAL_CREDIT, lambda _, __: True)


def _credits(
    context: Context, so_far: Sequence[Item], type_: PricingType, competes: Callable[[Item, Item], bool]
) -> Sequence[Item]:
    items: list[Item] = []
    for served in context.served:
        pricings = [pricing for pricing in served.plan.pricings if pricing.type is type_]
        for priced in [found for window in served.unsettled for found in priced_spans(pricings, window.span)]:
            whole = rated_item(context, served.plan, priced, LineItemType.USAGE_CREDIT)
            for earned in parts_of(context, served.plan, priced.pricing, whole) if whole else ():
                others = [
                    item for item in (*so_far, *items) if item.elsewhere == earned.elsewhere and competes(earned, item)
                ]
                items.append(_taken_off(context, earned, others))
    return items


def _taken_off(context: Context, earned: Item, others: Sequence[Item]) -> Item:
    """The credit with its sign. Prices of credits may be written below 0, and mean the same (billing.md 2.1)."""
    worth, average = earned.subtotal, earned.average_unit_price
    if is_priced_below_zero(earned.bands):
        worth, average = -worth, -average
    left = _left(context, others, earned)
    if not earned.elsewhere:
        left = _rounding_to_no_more(context, others, replace(earned, subtotal=-min(left, worth)), left)
    taken = -max(min(worth, left), ZERO)
    capped = Working("CREDIT_CAPPED", (("earned", worth), ("left", left)), taken)
    return replace(earned, subtotal=taken, average_unit_price=-average, workings=(capped,))


def _left(context: Context, others: Sequence[Item], earned: Item) -> Decimal:
    """What the others come to on the bill, in the currency of the credit and not below 0."""
    terms = context.inputs.terms
    target = terms.billing_currency
    total = sum((EXACT.multiply(item.subtotal, terms.rate(item.origin.currency, target)) for item in others), ZERO)
    return max(terms.priced(total, earned.origin.currency), ZERO)


def _rounding_to_no_more(context: Context, others: Sequence[Item], credit: Item, left: Decimal) -> Decimal:
    """`left`, or less where the lines would come to less than nothing with `credit`, once they are converted and rounded."""
    if _come_to(context, [*others, credit]) >= ZERO:
        return left
    terms, code = context.inputs.terms, credit.origin.currency
    within = [item for item in others if are_one_line(item, credit)]  # rounded together with it
    apart = [item for item in others if not are_one_line(item, credit)]
    paid_for = EXACT.divide(_come_to(context, apart), terms.rate(code, terms.billing_currency))
    taken = -sum((item.subtotal for item in within), ZERO)
    return max(terms.currency(code).round_down(paid_for) - taken, ZERO)


def _come_to(context: Context, items: Sequence[Item]) -> Decimal:
    """What the lines of `items` add up to in the billing currency."""
    terms = context.inputs.terms
    target = terms.billing_currency
    round_ = terms.currency(target).round
    lines = summarized(items)
    return sum((round_(EXACT.multiply(one.subtotal, terms.rate(one.origin.currency, target))) for one in lines), ZERO)

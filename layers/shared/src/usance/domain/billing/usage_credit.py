"""Credit pricings: usage that earns a discount, never below nothing (billing.md 2.6, W23)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from usance.domain.billing.context import Context
from usance.domain.billing.family_items import parts_of, summarized
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
        left = _rounding_to_no_more(context, others, min(left, worth), earned.origin.currency, left)
    taken = -max(min(worth, left), ZERO)
    capped = Working("CREDIT_CAPPED", (("earned", worth), ("left", left)), taken)
    return replace(earned, subtotal=taken, average_unit_price=-average, workings=(capped,))


def _left(context: Context, others: Sequence[Item], earned: Item) -> Decimal:
    """What the others come to on the bill, in the currency of the credit and not below 0."""
    terms = context.inputs.terms
    target = terms.billing_currency
    total = sum((EXACT.multiply(item.subtotal, terms.rate(item.origin.currency, target)) for item in others), ZERO)
    return max(terms.priced(total, earned.origin.currency), ZERO)


def _rounding_to_no_more(
    context: Context, others: Sequence[Item], taken: Decimal, currency: str, left: Decimal
) -> Decimal:
    """`left`, or less where `taken`, once it is converted and rounded, is more than the others' lines come to."""
    terms = context.inputs.terms
    own, billed, rate = terms.currency(currency), terms.currency(terms.billing_currency), terms.rate
    to_bill = rate(currency, terms.billing_currency)
    come_to = sum(
        (
            billed.round(EXACT.multiply(item.subtotal, rate(item.origin.currency, terms.billing_currency)))
            for item in summarized(others)
        ),
        ZERO,
    )
    if -billed.round(EXACT.multiply(-taken, to_bill)) <= come_to:
        return left
    return max(own.round_down(EXACT.divide(come_to, to_bill)), ZERO)

"""Credit pricings: usage that earns a discount, never below nothing (billing.md 2.6, W23)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from usance.domain.billing.context import Context
from usance.domain.billing.family_items import kind_of_line, parts_of, summarized
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.priced_spans import priced_spans
from usance.domain.billing.pricings import PricingType
from usance.domain.billing.terms import Terms
from usance.domain.billing.usage_charge import is_priced_below_zero, rated_item
from usance.domain.kernel.quantity import EXACT, ZERO


def product_credits(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """USAGE_CREDIT items capped at the other items of the same product."""
    return _credits(context, so_far, PricingType.PRODUCT_CREDIT, lambda item: item.origin.product)


def global_credits(context: Context, so_far: Sequence[Item]) -> Sequence[Item]:
    """USAGE_CREDIT items capped at all other items of the bill."""
    return _credits(context, so_far, PricingType.GLOBAL_CREDIT, lambda _: None)


def _credits(
    context: Context, so_far: Sequence[Item], type_: PricingType, share: Callable[[Item], object]
) -> Sequence[Item]:
    """Each is capped at those items before it that have the same `share` of the bill."""
    shares = defaultdict[object, _Share](lambda: _Share(context.inputs.terms))
    items: list[Item] = []
    for served in context.served:
        pricings = [pricing for pricing in served.plan.pricings if pricing.type is type_]
        for priced in [found for window in served.unsettled for found in priced_spans(pricings, window.span)]:
            whole = rated_item(context, served.plan, priced, LineItemType.USAGE_CREDIT)
            for earned in parts_of(context, served.plan, priced.pricing, whole) if whole else ():
                if not shares:
                    for item in summarized(so_far):
                        shares[item.elsewhere, share(item)].add(item)
                mine = shares[earned.elsewhere, share(earned)]
                items.append(_taken_off(mine, earned))
                mine.add(items[-1])
    return items


@dataclass(slots=True)
class _Share:
    """What lines come to in the billing currency: exactly, and as each is rounded."""

    terms: Terms
    exact: Decimal = ZERO
    rounded: Decimal = ZERO
    together: dict[object, Decimal] = field(default_factory=dict)
    """The subtotals of those that others may be put together with, by their kinds."""

    def add(self, item: Item) -> None:
        """Count an item too."""
        self.exact += EXACT.multiply(item.subtotal, self._rate(item))
        self.rounded = self.rounded_with(item)
        if item.origin.summary:
            self.together[kind_of_line(item)] = self.same_line(item) + item.subtotal

    def rounded_with(self, item: Item) -> Decimal:
        """What they come to, rounded, when `item` is one of them."""
        before = self.same_line(item)
        return self.rounded_without(item) + self._round(EXACT.multiply(before + item.subtotal, self._rate(item)))

    def rounded_without(self, item: Item) -> Decimal:
        """What all lines but that of `item` come to, rounded."""
        return self.rounded - self._round(EXACT.multiply(self.same_line(item), self._rate(item)))

    def same_line(self, item: Item) -> Decimal:
        """What those come to that `item` is put together with, in its currency."""
        return self.together.get(kind_of_line(item), ZERO) if item.origin.summary else ZERO

    def _rate(self, item: Item) -> Decimal:
        return self.terms.rate(item.origin.currency, self.terms.billing_currency)

    def _round(self, amount: Decimal) -> Decimal:
        return self.terms.currency(self.terms.billing_currency).round(amount)


def _taken_off(others: _Share, earned: Item) -> Item:
    """The credit with its sign. Prices of credits may be written below 0, and mean the same (billing.md 2.1)."""
    worth, average = earned.subtotal, earned.average_unit_price
    if is_priced_below_zero(earned.bands):
        worth, average = -worth, -average
    left = max(others.terms.priced(others.exact, earned.origin.currency), ZERO)
    if not earned.elsewhere:
        left = _rounding_to_no_more(others, replace(earned, subtotal=-min(left, worth)), left)
    taken = -max(min(worth, left), ZERO)
    capped = Working("CREDIT_CAPPED", (("earned", worth), ("left", left)), taken)
    return replace(earned, subtotal=taken, average_unit_price=-average, workings=(capped,))


def _rounding_to_no_more(others: _Share, credit: Item, left: Decimal) -> Decimal:
    """`left`, or less where the lines would come to less than nothing with `credit`, once they are converted and rounded."""
    if others.rounded_with(credit) >= ZERO:
        return left
    terms, own = others.terms, credit.origin.currency
    payable = EXACT.divide(others.rounded_without(credit), terms.rate(own, terms.billing_currency))
    return max(terms.currency(own).round_down(payable) + others.same_line(credit), ZERO)

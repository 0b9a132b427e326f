"""Minimum spends, in arrears or in advance with a correction (billing.md 3.2, W5).

A period costs the greater of the minimum and what qualifies. In arrears one item lifts it there. In advance the whole
minimum is billed when the period begins, and when it ends a refund gives back what the charges used up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from usance.domain.billing.attached import Origin, Product
from usance.domain.billing.context import Context
from usance.domain.billing.items import Item, LineItemType, Working
from usance.domain.billing.pricings import Minimum
from usance.domain.billing.proration import prorate
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import ONE, ZERO


@dataclass(frozen=True, slots=True)
class Floor:
    """A minimum spend of a plan or a pricing, and how its items are labelled."""

    origin: Origin
    minimum: Minimum
    description: str
    accounting_product: Product | None
    pricing_id: str | None = None


def correction(minimum: Decimal, qualifying: Decimal, *, in_advance: bool) -> tuple[LineItemType, Decimal]:
    """What closes a period: the type and amount of its item; an amount of 0 is no item.

    The refund is the smaller of the minimum and what qualifies, so that minimum, charges and refund come to the greater
    of the two (Q3). Charges below 0 (negative usage) cannot be refunded: what they took off the minimum is added again.
    """
    if not in_advance:
        return LineItemType.MINIMUM_SPEND, max(minimum - qualifying, ZERO)
    if qualifying < ZERO:
        return LineItemType.MINIMUM_SPEND, -qualifying
    return LineItemType.MINIMUM_SPEND_REFUND, -min(minimum, qualifying)


def due_amount(context: Context, floor: Floor, days: int, of_days: int) -> Decimal:
    """The minimum for `days` of a period of `of_days`, rounded as it is billed (Q5)."""
    return context.inputs.terms.currency(floor.origin.currency).round(prorate(floor.minimum.amount, days, of_days))


def advance_items(floor: Floor, amount: Decimal, span: Instants) -> Sequence[Item]:
    """The item that bills the minimum of the period about to begin."""
    given = (("minimumSpend", floor.minimum.amount),)
    return _items(floor, LineItemType.MINIMUM_SPEND, Working("MINIMUM_IN_ADVANCE", given, amount), span)


def closing_items(floor: Floor, amount: Decimal, qualifying: Decimal, span: Instants) -> Sequence[Item]:
    """The item that closes a period whose charges came to `qualifying`."""
    type_, due = correction(amount, qualifying, in_advance=floor.minimum.in_advance)
    given = (("minimumSpend", floor.minimum.amount), ("minimumOfPeriod", amount), ("qualifying", qualifying))
    return _items(floor, type_, Working("MINIMUM_CORRECTED", given, due), span)


def _items(floor: Floor, type_: LineItemType, working: Working, span: Instants) -> Sequence[Item]:
    amount = working.result
    if not amount:
        return ()
    return (
        Item(
            type=type_,
            description=floor.minimum.description or floor.description,
            origin=floor.origin,
            accounting_product=floor.accounting_product,
            span=span,
            subtotal=amount,
            quantity=ONE,
            units=ONE,
            unit="",
            average_unit_price=amount,
            pricing_id=floor.pricing_id,
            workings=(working,),
        ),
    )

"""What of each charge is still to be paid, and for which time (billing.md 8.2, 9.3).

A charge is cut where a credit begins or ends, in proportion to local days, so that a credit pays for its own time only.
What takes off the bill (credits for usage, refunds, counters that fall) is taken off the charges first: no credit pays
for what nobody owes.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from usance.domain.billing.context import Context
from usance.domain.billing.items import Item
from usance.domain.billing.shares import split
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import local_day


@dataclass(slots=True)
class Part:
    """A stretch of a charge: `open` is what nothing has paid yet, in the currency of the charge."""

    span: Instants
    open: Decimal


def unpaid(context: Context, items: Sequence[Item], edges: Sequence[datetime]) -> list[list[Part]]:
    """For each item its parts, cut at `edges`; together they are what the item adds to the bill, and never below 0."""
    net = _net(context, items)
    return [_parts(context, item, amount, edges) for item, amount in zip(items, net, strict=True)]


def _net(context: Context, items: Sequence[Item]) -> list[Decimal]:
    """What is left of each item above 0 once those below 0 are taken off: of their own kin first, then in order."""
    left = [max(item.subtotal, ZERO) for item in items]
    takers = [item for item in items if item.subtotal < ZERO]
    kin: dict[object, list[int]] = {}
    if takers:
        for at in range(len(items) - 1, -1, -1):  # the first item at the end, where it is taken from
            for key in _kin(items[at]):
                kin.setdefault(key, []).append(at)
    for taker in takers:
        rest = -taker.subtotal
        for key in _kin(taker):
            queue = kin[key]
            while queue and rest:
                rest = _take_off(context, left, items, queue[-1], taker, rest)
                if not left[queue[-1]]:
                    queue.pop()
    return left


def _kin(item: Item) -> Sequence[object]:
    """What an item has in common with others, the closest first: its pricing, its plan, its product, the bill."""
    origin = item.origin
    return (
        *((("pricing", item.pricing_id, origin.account_plan_id, origin.plan_id),) if item.pricing_id else ()),
        *((("plan", origin.account_plan_id, origin.plan_id),) if origin.account_plan_id else ()),
        *((("product", origin.product.id),) if origin.product else ()),
        "bill",
    )


def _take_off(
    context: Context, left: list[Decimal], items: Sequence[Item], at: int, taker: Item, rest: Decimal
) -> Decimal:
    """Take `rest`, in the taker's currency, off the item at `at`; what does not fit. Both stay whole coins of theirs."""
    terms = context.inputs.terms
    own, other = taker.origin.currency, items[at].origin.currency
    if own == other:
        taken = min(left[at], rest)
        left[at] = EXACT.subtract(left[at], taken)
        return EXACT.subtract(rest, taken)
    there = EXACT.divide(terms.rate(own, terms.billing_currency), terms.rate(other, terms.billing_currency))
    worth = terms.currency(other).round(EXACT.multiply(rest, there))
    if worth >= left[at]:
        rest = max(terms.currency(own).round(EXACT.subtract(rest, EXACT.divide(left[at], there))), ZERO)
        left[at] = ZERO
        return rest
    left[at] = EXACT.subtract(left[at], worth)
    return ZERO


def _parts(context: Context, item: Item, amount: Decimal, edges: Sequence[datetime]) -> list[Part]:
    if not amount:
        return []
    inside = sorted({edge for edge in edges if item.span.start < edge < item.span.end})
    if not inside:
        return [Part(item.span, amount)]
    spans = [Instants(*pair) for pair in itertools.pairwise([item.span.start, *inside, item.span.end])]
    zone = context.inputs.terms.zone
    days = [Decimal((local_day(span.end, zone) - local_day(span.start, zone)).days) for span in spans]
    places = max(0, -int(amount.as_tuple().exponent))
    amounts = split(amount, days, places)
    return [Part(span, open_) for span, open_ in zip(spans, amounts, strict=True) if open_]

"""Draw-downs: what commitments and balances pay of a bill (billing.md 8.2, 9.3, 11; W12, W15).

Credits pay one after another: the kinds in the order of creditApplicationOrder, within a kind the one that ends first.
Each goes through the charges in their order on the bill, until it or they are used up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from usance.domain.billing.context import Context
from usance.domain.billing.credit import Credit, CreditKind, Draw, Phase
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.items import Item, LineItemType
from usance.domain.billing.line_id import line_id
from usance.domain.billing.overage import overage
from usance.domain.billing.unpaid import Part, unpaid
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ONE, ZERO

DRAWS_MAX: Final = 400  # they are kept beside the bill, in a row that ends at 400 KB

_TYPES: Final = {
    CreditKind.PREPAYMENT: LineItemType.COMMITMENT_CONSUMED,
    CreditKind.BALANCE: LineItemType.BALANCE_CONSUMED,
}
_DESCRIPTIONS: Final = {CreditKind.PREPAYMENT: "Prepayment Consumed", CreditKind.BALANCE: "Balance Consumed"}


@dataclass(frozen=True, slots=True)
class Settlement:
    """The charges with what credits pay of them and what lies beyond credits, and what is taken off the credits."""

    items: tuple[Item, ...]
    draws: tuple[Draw, ...] = ()


@dataclass(slots=True)
class _Room:
    """How many draws the bill still has room for; `lacking` when one more was wanted."""

    draws: int = DRAWS_MAX
    lacking: bool = False

    def take(self) -> bool:
        """Whether there was room for another draw."""
        self.lacking = self.lacking or not self.draws
        self.draws -= 1 if self.draws else 0
        return not self.lacking


@dataclass(slots=True)
class _Till:
    """A credit being drawn on. `taken` is in its currency, `exact` what that is rounded from.

    The sum is rounded and not each charge, so that many small charges cost neither nothing nor twice as much.
    """

    credit: Credit
    room: _Room
    taken: dict[Phase, Decimal] = field(default_factory=dict)
    exact: dict[Phase, Decimal] = field(default_factory=dict)
    applied: dict[Phase, datetime] = field(default_factory=dict)
    paid: dict[object, tuple[Item, Decimal, Instants]] = field(default_factory=dict)

    def left(self, phase: Phase) -> Decimal | None:
        """What a charge of `phase` may still take; None for any amount."""
        credit = self.credit
        if credit.overdraft and phase is Phase.MAIN:
            return None
        left = EXACT.subtract(credit.left, sum(self.taken.values(), ZERO))
        if phase is Phase.ROLLOVER and credit.rollover and credit.rollover.left is not None:
            left = min(left, EXACT.subtract(credit.rollover.left, self.taken.get(phase, ZERO)))
        return max(left, ZERO)


def settled(context: Context, items: Sequence[Item]) -> Settlement:
    """What `items`, the charges of a bill, become when its credits pay. The amounts of `context` are exact.

    A bill draws on so many credits as its row holds. Where more would pay, the others wait for later bills, and
    nothing is overage. Raises `InvalidInputError` when a currency conversion is missing.
    """
    credits_ = in_order(context.inputs)
    if not credits_:
        return Settlement(tuple(items))
    parts = unpaid(context, items, [edge for credit in credits_ for edge in credit.edges])
    room = _Room()
    tills = [_Till(credit, room) for credit in credits_]
    for till in tills:
        for item, own in zip(items, parts, strict=True):
            if may_pay(till.credit, item):
                for part in own:
                    _pay(context, till, item, part)
    draws = tuple(draw for till in tills for draw in _draws(till))
    known = () if room.lacking else credits_
    eligible = [[credit for credit in known if may_pay(credit, item)] for item in items]
    charged, beyond = overage(context, items, parts, eligible)
    paid = [_consumed(context, till.credit, *one) for till in tills for one in till.paid.values()]
    return Settlement((*charged, *paid, *beyond), draws)


def in_order(inputs: BillingInputs) -> tuple[Credit, ...]:
    """The credits that may pay, in the order in which they do."""
    place = {kind: at for at, kind in enumerate(inputs.credit_order)}
    known = (credit for credit in inputs.credits if credit.kind in place)
    return tuple(sorted(known, key=lambda credit: (place[credit.kind], credit.end, credit.span.start, credit.id)))


def may_pay(credit: Credit, item: Item) -> bool:
    """Whether the credit is for charges such as `item`, whatever its time."""
    if item.type not in credit.line_item_types:
        return False
    if credit.contract_id and credit.contract_id != item.origin.contract_id:
        return False
    return not credit.product_ids or (item.origin.product is not None and item.origin.product.id in credit.product_ids)


def _pay(context: Context, till: _Till, item: Item, part: Part) -> None:
    """Let the credit pay what it can of `part`, at most what is open of it and what the credit has left."""
    credit, terms = till.credit, context.inputs.terms
    phase = credit.phase(part.span.start)
    if phase is None or not part.open:
        return
    left = till.left(phase)
    if left is not None and not left:
        return
    own = terms.currency(item.origin.currency)
    rate = terms.rate(own.code, credit.currency)
    taken, exact = till.taken.get(phase, ZERO), till.exact.get(phase, ZERO)
    paid, after = part.open, EXACT.add(exact, EXACT.multiply(part.open, rate))
    cost = EXACT.subtract(terms.currency(credit.currency).round(after), taken)
    if left is not None and cost > left:
        after, cost = EXACT.add(taken, left), left
        paid = min(part.open, own.round_down(EXACT.divide(EXACT.subtract(after, exact), rate)))
    if paid <= ZERO or (not cost and not taken):  # too little to buy, or to be worth, the smallest coin
        return
    if phase not in till.taken and not till.room.take():
        return
    part.open = EXACT.subtract(part.open, paid)
    till.taken[phase], till.exact[phase] = EXACT.add(taken, cost), after
    till.applied[phase] = min(till.applied.get(phase, part.span.start), part.span.start)
    kind = _kind(credit, item)
    first, before, span = till.paid.get(kind, (item, ZERO, part.span))
    whole = Instants(min(span.start, part.span.start), max(span.end, part.span.end))
    till.paid[kind] = (first, EXACT.add(before, paid), whole)


def _kind(credit: Credit, item: Item) -> object:
    """What draws share that are one line item; with a summary, the charges of all accounts of a family do."""
    if not credit.summary:
        return id(item)
    return item.type, replace(item.origin, account_plan_id=None, child=None), item.pricing_id, item.charge_id, item.span


def _draws(till: _Till) -> Sequence[Draw]:
    credit = till.credit
    return [
        Draw(credit.kind, credit.id, phase, till.taken[phase], till.applied[phase], _description(credit))
        for phase in Phase
        if phase in till.taken
    ]


def _description(credit: Credit) -> str:
    return credit.draw_description or _DESCRIPTIONS[credit.kind]


def _consumed(context: Context, credit: Credit, item: Item, paid: Decimal, span: Instants) -> Item:
    """The line item of what a credit pays of `item`."""
    origin = replace(item.origin, child=None) if credit.summary else item.origin
    pays_for = line_id(context.inputs.bill_id, item)
    return Item(
        type=_TYPES[credit.kind],
        description=_description(credit),
        origin=origin,
        accounting_product=context.product(*credit.accounting_product_ids),
        span=span,
        subtotal=-paid,
        quantity=ONE,
        units=ONE,
        unit="",
        average_unit_price=-paid,
        commitment_id=credit.commitment_id,
        balance_id=credit.balance_id,
        pays_for=pays_for,
    )

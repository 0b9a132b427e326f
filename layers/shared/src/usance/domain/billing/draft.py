"""A decided bill: converted, rounded once per line, totalled (billing.md 2.8, 12.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext

from usance.domain.billing.bill_key import BillKey
from usance.domain.billing.credit import Draw
from usance.domain.billing.inputs import Account
from usance.domain.billing.items import Item
from usance.domain.billing.terms import Terms
from usance.domain.kernel.quantity import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class Line:
    """A line item of the bill. `converted_subtotal` is `item.subtotal × rate`, rounded in the billing currency."""

    id: str
    number: int
    item: Item
    rate: Decimal
    converted_subtotal: Decimal


@dataclass(frozen=True, slots=True)
class BillDraft:
    """Everything of a bill that follows from its inputs; who calculated it, and when, does not.

    `draws` are what it takes off commitments and balances.
    """

    id: str
    key: BillKey
    account: Account
    start: date
    end: date
    start_instant: datetime
    end_instant: datetime
    bill_date: date
    due_date: date
    external_invoice_date: date
    terms: Terms
    lines: tuple[Line, ...]
    draws: tuple[Draw, ...] = ()

    @property
    def total(self) -> Decimal:
        """The sum of the converted subtotals, with the places of the currency."""
        with localcontext(EXACT):
            total = sum((line.converted_subtotal for line in self.lines), ZERO)
        return self.terms.currency(self.terms.billing_currency).round(total)

    @property
    def conversions_used(self) -> Sequence[tuple[str, str, Decimal]]:
        """The rates that lines needed: from, to, multiplier."""
        used = {line.item.origin.currency: line.rate for line in self.lines}
        target = self.terms.billing_currency
        return [(source, target, rate) for source, rate in sorted(used.items()) if source != target]

"""Memos among the stored line items of a bill.

A memo is a line item whose field `memo` holds its kind and what the API shows of it as a credit or debit line item; that
field is never shown on the bill. Memos follow the calculated line items, in the order in which they were made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from usance.application.billing.memos.forms import MemoForm
from usance.domain.billing.memos import converted, sum_of
from usance.domain.billing.terms import Terms
from usance.resources.wire import Document

MEMO: Final = "memo"
CORRECTION: Final = "correction"  # beside the kind of a memo that corrects a locked bill: of what
TOTAL: Final = "memoTotal"  # kept beside the header of a bill with memos: what they add to its total
_ON_THE_LINE: Final = (
    "description",
    "referencedBillId",
    "referencedLineItemId",
    "servicePeriodStartDate",
    "servicePeriodEndDate",
)


def memos_of(line_items: Sequence[Document]) -> Sequence[Document]:
    """The line items that are memos."""
    return [item for item in line_items if MEMO in item]


def written_by_hand(memos: Sequence[Document]) -> Sequence[Document]:
    """Those that are not corrections of locked bills."""
    return [memo for memo in memos if corrected_by(memo) is None]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a memo corrects; the line item may be one that the bill never had."""

    bill_id: str
    line_id: str


def correcting(memo: Document, of: Corrected) -> Document:
    """A memo, marked as a correction of a locked bill."""
    return {**memo, MEMO: {**memo[MEMO], CORRECTION: {"billId": of.bill_id, "lineItemId": of.line_id}}}


def corrected_by(memo: Document) -> Corrected | None:
    """What a memo corrects; None when it was written by hand."""
    mark = memo[MEMO].get(CORRECTION)
    return Corrected(mark["billId"], mark["lineItemId"]) if mark else None


def calculated(line_items: Sequence[Document]) -> Sequence[Document]:
    """The line items that a calculation made."""
    return [item for item in line_items if MEMO not in item]


def as_shown(item: Document) -> Document:
    """A line item as the API shows it on the bill."""
    return {name: value for name, value in item.items() if name != MEMO}


def appended(line_items: Sequence[Document], memos: Sequence[Document]) -> list[Document]:
    """Calculated line items and, numbered after them, memos."""
    first = len(line_items) + 1
    return [*line_items, *({**memo, "sequenceNumber": first + n} for n, memo in enumerate(memos))]


def total_of(memos: Sequence[Document]) -> Decimal:
    """What memos add to the total of their bill."""
    return sum_of(memo["convertedSubtotal"] for memo in memos)


def under(terms: Terms, memo: Document) -> Document:
    """A memo on a bill of `terms`: in its own currency, converted to the bill's. Raises as `Terms.rate` does."""
    rate, amount = converted(terms, memo["currency"], memo["subtotal"])
    return {**memo, "conversionRate": rate, "convertedSubtotal": amount}


def line_of(form: MemoForm, memo: Document, currency: str, amount: Decimal, products: Document) -> Document:
    """The line item of `memo`, which adds `amount` to a bill in `currency`; `products` names its products."""
    reason = memo.get(form.reason_field) or memo.get("reasonId")
    return {
        "id": memo["id"],
        "lineItemType": memo["lineItemType"],
        "currency": currency,
        "quantity": 1,
        "unit": "",
        "units": 1,
        "averageUnitPrice": amount,
        "subtotal": amount,
        "conversionRate": 1,
        "convertedSubtotal": amount,
        **{name: memo[name] for name in _ON_THE_LINE},
        **({"reasonId": reason} if reason else {}),
        **products,
        "usagePerPricingBand": [],
        MEMO: {"kind": form.kind.value, "document": memo},
    }

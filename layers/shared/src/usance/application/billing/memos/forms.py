"""What credits and debits differ in."""

from dataclasses import dataclass
from typing import Final

from usance.domain.billing.memos import MemoKind
from usance.resources.bill_memos import CreditLineItem, CreditLineItemAnswer, DebitLineItem, DebitLineItemAnswer


@dataclass(frozen=True, slots=True)
class MemoForm:
    """A kind of memo on the wire: its model, default line item type, reason field and picklist of reasons."""

    kind: MemoKind
    model: type[CreditLineItem] | type[DebitLineItem]
    answer: type[CreditLineItemAnswer] | type[DebitLineItemAnswer]
    title: str
    line_item_type: str
    reason_field: str
    reason_type: str


CREDIT: Final = MemoForm(
    MemoKind.CREDIT,
    CreditLineItem,
    CreditLineItemAnswer,
    "credit line item",
    "CREDIT_MEMO",
    "creditReasonId",
    "creditReason",
)
DEBIT: Final = MemoForm(
    MemoKind.DEBIT, DebitLineItem, DebitLineItemAnswer, "debit line item", "DEBIT_MEMO", "debitReasonId", "debitReason"
)

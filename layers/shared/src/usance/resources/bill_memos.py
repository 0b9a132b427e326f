"""Credit and debit line items: what someone adds to a bill by hand (billing.md 12.11)."""

from typing import Annotated, Literal

from pydantic import Field

from usance.resources.fields import DateTime, Id, Noun, Positive

DESCRIPTION_MAX_CHARS = 200  # as descriptions elsewhere; the API names only the least length

MemoType = Literal[
    "STANDING_CHARGE",
    "USAGE",
    "COUNTER_RUNNING_TOTAL_CHARGE",
    "COUNTER_ADJUSTMENT_DEBIT",
    "COUNTER_ADJUSTMENT_CREDIT",
    "USAGE_CREDIT",
    "MINIMUM_SPEND",
    "MINIMUM_SPEND_REFUND",
    "CREDIT_DEDUCTION",
    "MANUAL_ADJUSTMENT",
    "CREDIT_MEMO",
    "DEBIT_MEMO",
    "COMMITMENT_CONSUMED",
    "COMMITMENT_FEE",
    "OVERAGE_SURCHARGE",
    "OVERAGE_USAGE",
    "BALANCE_CONSUMED",
    "BALANCE_FEE",
    "AD_HOC",
]


class _Memo(Noun):
    """Amounts are in the bill's currency and above 0. `amountToApplyOnBill` is the part that this bill takes."""

    product_id: Id
    accounting_product_id: Id
    amount: Positive
    amount_to_apply_on_bill: Positive | None = None
    description: Annotated[str, Field(min_length=1, max_length=DESCRIPTION_MAX_CHARS)]
    line_item_type: MemoType | None = None
    reason_id: Id | None = None
    referenced_bill_id: Id
    referenced_line_item_id: Id
    service_period_start_date: DateTime
    service_period_end_date: DateTime


class CreditLineItem(_Memo):
    """A credit: it lowers the bill."""

    credit_reason_id: Id | None = None


class DebitLineItem(_Memo):
    """A debit: it raises the bill."""

    debit_reason_id: Id | None = None


class _Answer(Noun):
    id: str
    version: int | None = None
    bill_id: str | None = None
    dt_created: str | None = None
    dt_last_modified: str | None = None
    created_by: str | None = None
    last_modified_by: str | None = None


class CreditLineItemAnswer(CreditLineItem, _Answer):
    """A credit line item of a bill."""


class DebitLineItemAnswer(DebitLineItem, _Answer):
    """A debit line item of a bill."""

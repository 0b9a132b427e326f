"""Commitments: what an account prepays, and how its fees are billed (billing.md 8)."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from usance.domain.catalog.commitments import (
    bills_that_have,
    changed_when_billed,
    check_commitment,
    check_fees,
    commitment_asked,
)
from usance.domain.catalog.windows import check_contract, check_window
from usance.resources.fields import (
    CurrencyCode,
    DateTime,
    Day,
    Description,
    Id,
    Integral,
    NotNegative,
    Noun,
    Number,
    Positive,
    unique_items,
)
from usance.resources.resource import (
    IDS,
    Dependant,
    Filter,
    Index,
    Ref,
    Related,
    Resource,
    Selection,
    Serial,
    values_at,
)

FEES_MAX: Final = 500  # more dates than any schedule of fees that people agree on
PRODUCTS_MAX: Final = 100  # billing.md 1.2
ProductIds = Annotated[list[Id], AfterValidator(unique_items), Field(max_length=PRODUCTS_MAX)]
LineItemType = Literal[
    "STANDING_CHARGE", "USAGE", "MINIMUM_SPEND", "COUNTER_RUNNING_TOTAL_CHARGE", "COUNTER_ADJUSTMENT_DEBIT"
]
_ACCOUNTING: Final = ("accountingProductId", "feesAccountingProductId", "drawdownsAccountingProductId")


class CommitmentFee(Noun):
    """A fee that is billed on a date of its own."""

    date: Day
    amount: Positive
    service_period_start_date: DateTime
    service_period_end_date: DateTime


class Commitment(Noun):
    """A commitment, from `startDate` up to but not including `endDate`. Without `productIds` all products draw on it."""

    account_id: Id
    amount: Positive
    currency: CurrencyCode
    start_date: Day
    end_date: Day
    contract_id: Id | None = None
    amount_pre_paid: NotNegative | None = None
    amount_first_bill: NotNegative | None = None
    billing_plan_id: Id | None = None
    billing_interval: Annotated[int, Field(ge=1, le=365), Integral] | None = None
    billing_offset: Annotated[int, Field(ge=0, le=364), Integral] | None = None
    bill_epoch: Day | None = None
    fee_dates: Annotated[list[CommitmentFee], Field(max_length=FEES_MAX)] | None = None
    commitment_fee_bill_in_advance: bool | None = None
    commitment_fee_description: Description | None = None
    commitment_usage_description: Description | None = None
    overage_description: Description | None = None
    overage_surcharge_percent: Number | None = None
    separate_overage_usage: bool | None = None
    child_billing_mode: Literal["PARENT_SUMMARY", "PARENT_BREAKDOWN", "CHILD"] | None = None
    line_item_types: Annotated[list[LineItemType], AfterValidator(unique_items), Field(max_length=5)] | None = None
    product_ids: ProductIds | None = None
    accounting_product_id: Id | None = None
    fees_accounting_product_id: Id | None = None
    drawdowns_accounting_product_id: Id | None = None


COMMITMENT: Final = Resource(
    type="commitment",
    path="commitments",
    model=Commitment,
    title="Commitment",
    indexes=(
        Index("accountId"),
        Index("contractId"),
        Index("productId", path="productIds[]"),
        Index("billingPlanId"),
        Index("currency"),
        Index(
            "accountingProductId",
            compute=lambda it: (value for name in _ACCOUNTING for value in values_at(it.new, name)),
        ),
    ),
    filters=(
        IDS,
        Filter("accountId", "accountId", "Only the commitments of this account."),
        Filter("contractId", "contractId", "Only the commitments under this contract."),
        Filter("productId", "productId", "Only the commitments that name this product."),
    ),
    selection=Selection(
        {
            "date": {"type": "string", "description": "Only the commitments active at this date or date-time."},
            "endDateStart": {"type": "string", "description": "Only those that end at this date or later."},
            "endDateEnd": {"type": "string", "description": "Only those that end before this date."},
        },
        commitment_asked,
    ),
    references=(
        Ref("accountId", "account"),
        Ref("contractId", "contract"),
        Ref("billingPlanId", "plan"),
        Ref("productIds[]", "product"),
        *(Ref(name, "product") for name in _ACCOUNTING),
    ),
    related=(
        Related("contract", "contract", id_at="contractId"),
        Related("bills", "bill", find=bills_that_have),
    ),
    rules=(check_window, check_contract, check_commitment, check_fees, changed_when_billed),
    dependants=(Dependant("bill", "commitmentId"),),
    serial=(Serial("account of contract", "contractId"),),
    answers={
        "amountSpent": {"type": "number", "description": "How much of the amount bills have drawn."},
        "changedWhenBilledTo": {
            "type": "string",
            "format": "date",
            "description": "The latest date of the bills that had fees of it when its fees changed. Usance's own.",
        },
    },
)

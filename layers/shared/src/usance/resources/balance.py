"""Balances: credit of an account that bills draw on (billing.md 9.1)."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from usance.domain.catalog.balances import balance_asked, check_balance, linked_contract
from usance.domain.catalog.windows import check_contract, check_window
from usance.resources.commitment import ProductIds
from usance.resources.fields import (
    Code,
    CurrencyCode,
    CustomFields,
    DateTime,
    Description,
    Id,
    Name,
    NotNegative,
    Noun,
    Number,
    unique_items,
)
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Selection, Serial

LineItemType = Literal[
    "STANDING_CHARGE",
    "USAGE",
    "MINIMUM_SPEND",
    "COUNTER_RUNNING_TOTAL_CHARGE",
    "COUNTER_ADJUSTMENT_DEBIT",
    "AD_HOC",
]
_ACCOUNTING: Final = ("consumptionsAccountingProductId", "feesAccountingProductId")


class Balance(Noun):
    """A balance, from `startDate` up to but not including `endDate`; what is rolled over lasts to `rolloverEndDate`."""

    account_id: Id
    name: Name
    code: Code
    currency: CurrencyCode
    start_date: DateTime
    end_date: DateTime
    contract_id: Id | None = None
    description: Description | None = None
    balance_draw_down_description: Description | None = None
    overage_description: Description | None = None
    overage_surcharge_percent: Number | None = None
    rollover_amount: NotNegative | None = None
    rollover_end_date: DateTime | None = None
    allow_overdraft: bool | None = None
    line_item_types: Annotated[list[LineItemType], AfterValidator(unique_items), Field(max_length=6)] | None = None
    product_ids: ProductIds | None = None
    consumptions_accounting_product_id: Id | None = None
    fees_accounting_product_id: Id | None = None
    custom_fields: CustomFields | None = None


BALANCE: Final = Resource(
    type="balance",
    path="balances",
    model=Balance,
    title="Balance",
    unique=("code",),
    indexes=(
        Index("accountId"),
        Index("contractId"),
        Index("linkedContract", compute=linked_contract),
        Index("currency"),
        Index("productId", path="productIds[]"),
        Index(
            "accountingProductId",
            compute=lambda it: (it.new[name] for name in _ACCOUNTING if name in it.new),
        ),
    ),
    filters=(
        IDS,
        Filter("accountId", "accountId", "Only the balances of this account."),
        Filter("contract", "linkedContract", "Only the balances under this contract."),
        Filter(
            "contractId",
            "linkedContract",
            "Only the balances under this contract; when empty, those under none.",
            blank="none",
        ),
    ),
    selection=Selection(
        {
            "endDateStart": {
                "type": "string",
                "description": "Only those that end, or whose rollover ends, at this date or later.",
            },
            "endDateEnd": {
                "type": "string",
                "description": "Only those that end, or whose rollover ends, before this date.",
            },
        },
        balance_asked,
    ),
    references=(
        Ref("accountId", "account"),
        Ref("contractId", "contract"),
        Ref("productIds[]", "product"),
        *(Ref(name, "product") for name in _ACCOUNTING),
    ),
    related=(
        Related("contract", "contract", id_at="contractId"),
        Related("charges", "charge", where={"entityId": "id"}),
    ),
    rules=(check_window, check_contract, check_balance),
    serial=(Serial("account of contract", "contractId"),),
    dependants=(
        Dependant("charge", "entityId"),
        Dependant("balanceChargeSchedule", "balanceId"),
        Dependant("balanceTransactionSchedule", "balanceId"),
        Dependant("balanceTransaction", "drawnBalanceId"),
    ),
    parts=(Dependant("balanceTransaction", "balanceId"),),
    answers={"amount": {"type": "number", "description": "What is left: the sum of its transactions."}},
)

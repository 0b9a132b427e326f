"""Schedules that put transactions on a balance, and charges for it on bills (billing.md 9.5)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.schedules import check_charge_schedule, check_transaction_schedule, pending
from usance.domain.catalog.windows import check_service_period, check_window
from usance.resources.fields import (
    Code,
    CurrencyCode,
    CustomFields,
    DateTime,
    Day,
    Id,
    Integral,
    Name,
    NotNegative,
    Noun,
    Number,
)
from usance.resources.resource import IDS, ORGANIZATION, Index, Ref, Related, Resource, Within

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "ANNUALLY"]
Interval = Annotated[int, Field(ge=1, le=365), Integral]
Told = Annotated[str, Field(min_length=1, max_length=200)]
PENDING: Final = "pending"
_RUNS: Final = {
    "balanceId": {"type": "string", "description": "The balance."},
    "nextRun": {"type": "string", "format": "date-time", "description": "When it acts next; absent at its end."},
    "previousRun": {"type": "string", "format": "date-time", "description": "When it acted last."},
}


class BalanceTransactionSchedule(Noun):
    """Transactions at regular times from `startDate` up to but not including `endDate`."""

    name: Name
    code: Code
    amount: NotNegative
    start_date: DateTime
    end_date: DateTime
    frequency: Frequency
    frequency_interval: Interval
    transaction_type_id: Id
    transaction_description: Told
    paid: Number | None = None
    currency_paid: CurrencyCode | None = None
    custom_fields: CustomFields | None = None


class BalanceChargeSchedule(Noun):
    """Charges for the periods of a calendar, each of an amount, or of units at a unit price."""

    name: Name
    code: Code
    currency: CurrencyCode
    bill_frequency: Frequency
    bill_frequency_interval: Interval
    bill_in_advance: bool
    bill_epoch: Day | None = None
    charge_description: Told
    service_period_start_date: DateTime
    service_period_end_date: DateTime
    amount: NotNegative | None = None
    units: NotNegative | None = None
    unit_price: NotNegative | None = None
    custom_fields: CustomFields | None = None


BALANCE_TRANSACTION_SCHEDULE: Final = Resource(
    type="balanceTransactionSchedule",
    path="balances/{balanceId}/balancetransactionschedules",
    model=BalanceTransactionSchedule,
    title="Balance transaction schedule",
    within=Within("balanceId", "balance"),
    unique=("code",),
    indexes=(Index("balanceId"), Index("transactionTypeId"), Index(PENDING, compute=pending)),
    filters=(IDS,),
    references=(Ref("balanceId", "balance"), Ref("transactionTypeId", "transactionType")),
    related=(Related("config", "organizationConfig", id_at=ORGANIZATION),),
    rules=(check_window, check_transaction_schedule),
    page_size_max=200,
    answers=_RUNS,
)

BALANCE_CHARGE_SCHEDULE: Final = Resource(
    type="balanceChargeSchedule",
    path="balances/{balanceId}/balancechargeschedules",
    model=BalanceChargeSchedule,
    title="Balance charge schedule",
    within=Within("balanceId", "balance"),
    unique=("code",),
    indexes=(Index("balanceId"), Index("currency"), Index(PENDING, compute=pending)),
    filters=(IDS,),
    references=(Ref("balanceId", "balance"),),
    related=(Related("config", "organizationConfig", id_at=ORGANIZATION),),
    rules=(check_service_period, check_charge_schedule),
    page_size_max=200,
    answers=_RUNS,
)

"""Charges: what is billed once, to an account or for a balance (billing.md 10)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.charges import account_unbilled, balance_of, check_charge
from usance.domain.catalog.windows import check_contract, check_service_period
from usance.resources.fields import Code, CurrencyCode, DateTime, Day, Description, Id, Name, Noun, Number, Text
from usance.resources.resource import IDS, ORGANIZATION, Filter, Index, Ref, Related, Resource, Serial


class Charge(Noun):
    """A charge: an amount, or units and a unit price. It may be negative."""

    account_id: Id
    name: Name
    code: Code
    currency: CurrencyCode
    entity_type: Literal["AD_HOC", "BALANCE"]
    line_item_type: Literal["BALANCE_FEE", "AD_HOC"]
    entity_id: Id | None = None
    amount: Number | None = None
    units: Number | None = None
    unit_price: Number | None = None
    bill_date: Day | None = None
    service_period_start_date: DateTime
    service_period_end_date: DateTime
    contract_id: Id | None = None
    accounting_product_id: Id | None = None
    description: Description | None = None
    notes: Annotated[Text, Field(min_length=0)] | None = None


CHARGE: Final = Resource(
    type="charge",
    path="charges",
    model=Charge,
    title="Charge",
    unique=("code",),
    indexes=(
        Index("accountId"),
        Index("entityType"),
        Index("entityId"),
        Index("billDate"),
        Index("billId"),
        Index("unbilledOf", compute=account_unbilled),
        Index("scheduleId"),
        Index("currency"),
        Index("contractId"),
        Index("accountingProductId"),
    ),
    filters=(
        IDS,
        Filter("accountId", "accountId", "Only the charges of this account."),
        Filter("entityType", "entityType", "Only the charges of this kind.", choices=("AD_HOC", "BALANCE")),
        Filter("entityId", "entityId", "Only the charges of this entity, such as a balance."),
        Filter("billDate", "billDate", "Only the charges to be billed on this date.", day=True),
        Filter("scheduleId", "scheduleId", "Only the charges that this schedule made."),
    ),
    references=(
        Ref("accountId", "account"),
        Ref("contractId", "contract"),
        Ref("accountingProductId", "product"),
        Ref("entityId", "balance", compute=balance_of),
    ),
    related=(
        Related("contract", "contract", id_at="contractId"),
        Related("config", "organizationConfig", id_at=ORGANIZATION),
        Related("balance", "balance", find=lambda it: {"id": tuple(balance_of(it))}),
    ),
    rules=(check_service_period, check_contract, check_charge),
    serial=(Serial("account of contract", "contractId"),),
    page_size_max=200,
    answers={
        "billId": {"type": "string", "description": "The bill that the charge is on."},
        "scheduleId": {"type": "string", "description": "The schedule that made the charge."},
    },
)

"""Contracts: what an account has agreed to, and what is billed under it (billing.md 7)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.contracts import check_owner
from usance.domain.catalog.windows import check_window
from usance.resources.fields import Code, CustomFields, Day, Id, Identifier, Name, Noun
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial

USAGE_FILTERS_MAX: Final = 100  # filters are tested on every measurement of a bill


class UsageFilter(Noun):
    """Usage to bill under the contract, or not to, by a text field of its measurements."""

    dimension_code: Identifier
    mode: Literal["INCLUDE", "EXCLUDE"]
    value: Annotated[str, Field(min_length=1, max_length=200)]


class Contract(Noun):
    """A contract, from `startDate` up to but not including `endDate`."""

    account_id: Id
    name: Name
    code: Code | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    start_date: Day
    end_date: Day
    purchase_order_number: Annotated[str, Field(max_length=100)] | None = None
    apply_contract_period_limits: bool = False
    bill_grouping_key_id: Id | None = None
    usage_filters: Annotated[list[UsageFilter], Field(max_length=USAGE_FILTERS_MAX)] | None = None
    custom_fields: CustomFields | None = None


CONTRACT: Final = Resource(
    type="contract",
    path="contracts",
    model=Contract,
    title="Contract",
    unique=("code",),
    indexes=(Index("accountId"), Index("code"), Index("billGroupingKeyId")),
    filters=(
        IDS,
        Filter("codes", "code", "Only the contracts with these codes.", many=True),
        Filter("accountId", "accountId", "Only the contracts of this account."),
    ),
    references=(Ref("accountId", "account"), Ref("billGroupingKeyId", "billGroupingKey")),
    related=(
        Related("account_plans", "accountPlan", where={"contractId": "id"}),
        Related("commitments", "commitment", where={"contractId": "id"}),
        Related("balances", "balance", where={"contractId": "id"}),
        Related("charges", "charge", where={"contractId": "id"}),
    ),
    rules=(check_window, check_owner),
    serial=(Serial("account of contract", "id"),),
    dependants=(
        Dependant("accountPlan", "contractId"),
        Dependant("commitment", "contractId"),
        Dependant("balance", "contractId"),
        Dependant("charge", "contractId"),
    ),
)

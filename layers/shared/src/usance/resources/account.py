"""Accounts: whom the organization bills (billing.md 5.1, 5.2)."""

from typing import Annotated, Final

from pydantic import Field

from usance.domain.catalog.accounts import check_parent, folded_code
from usance.resources.fields import (
    Code,
    CreditApplicationOrder,
    CurrencyCode,
    CustomFields,
    Day,
    Email,
    Id,
    Name,
    Noun,
    PositiveWhole,
    StatementMode,
)
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial

AddressLine = Annotated[str, Field(max_length=200)]


class Address(Noun):
    """A postal address."""

    address_line1: AddressLine | None = None
    address_line2: AddressLine | None = None
    address_line3: AddressLine | None = None
    address_line4: AddressLine | None = None
    locality: AddressLine | None = None
    region: AddressLine | None = None
    post_code: AddressLine | None = None
    country: AddressLine | None = None


class Account(Noun):
    """An account."""

    name: Name
    code: Code
    email_address: Email
    address: Address | None = None
    parent_account_id: Id | None = None
    currency: CurrencyCode | None = None
    days_before_bill_due: PositiveWhole | None = None
    bill_epoch: Day | None = None
    purchase_order_number: Annotated[str, Field(max_length=100)] | None = None
    credit_application_order: CreditApplicationOrder | None = None
    statement_definition_id: Id | None = None
    auto_generate_statement_mode: StatementMode | None = None
    custom_fields: CustomFields | None = None


ACCOUNT: Final = Resource(
    type="account",
    path="accounts",
    model=Account,
    title="Account",
    unique=("code",),
    indexes=(
        Index("code"),
        Index("foldedCode", compute=folded_code),
        Index("parentAccountId"),
        Index("statementDefinitionId"),
        Index("currency"),
    ),
    filters=(IDS, Filter("codes", "code", "Only the accounts with these codes.", many=True)),
    references=(Ref("parentAccountId", "account"), Ref("statementDefinitionId", "statementDefinition")),
    related=(
        Related("parent", "account", id_at="parentAccountId"),
        Related("children", "account", where={"parentAccountId": "id"}),
        Related("siblings", "account", where={"parentAccountId": "parentAccountId"}),
    ),
    rules=(check_parent,),
    answers={
        "formerParentAccountIds": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The accounts that were its parent before. Their bills may have charges of its account plans. Usance's own.",
        }
    },
    serial=(Serial("family of account", "id"), Serial("family of account", "parentAccountId")),
    dependants=(
        Dependant("accountPlan", "accountId"),
        Dependant("plan", "accountId"),
        Dependant("account", "parentAccountId"),
        Dependant("bill", "accountId"),
        Dependant("planGroup", "accountId"),
        Dependant("contract", "accountId"),
        Dependant("commitment", "accountId"),
        Dependant("balance", "accountId"),
        Dependant("charge", "accountId"),
        Dependant("counterAdjustment", "accountId"),
    ),
)

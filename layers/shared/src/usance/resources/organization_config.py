"""The organization's configuration: one per organization, made with it (platform.md 11.1, billing.md 13)."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from usance.domain.catalog.settings import BILL_INTERVALS_HOURS, check_config
from usance.resources.fields import (
    CreditApplicationOrder,
    CurrencyCode,
    Date,
    Id,
    Integral,
    NotNegative,
    Noun,
    Positive,
    PositiveWhole,
    StatementMode,
    Text,
    Whole,
)
from usance.resources.resource import Index, Ref, Related, Resource, Verb, gathered

CONVERSIONS_MAX: Final = 250


def _interval(hours: Decimal) -> Decimal:
    if hours not in {Decimal(allowed) for allowed in BILL_INTERVALS_HOURS}:
        raise ValueError(f"must be one of {', '.join(BILL_INTERVALS_HOURS)}")
    return hours


class CurrencyConversion(Noun):
    """How an amount in one currency becomes one in another."""

    from_: Annotated[CurrencyCode, Field(alias="from")]
    to: CurrencyCode
    multiplier: Positive


def _one_rate_each(conversions: list[CurrencyConversion]) -> list[CurrencyConversion]:
    pairs = [(one.from_, one.to) for one in conversions]
    for position, pair in enumerate(pairs):
        if pair in pairs[:position]:
            raise ValueError(f"{pair[0]} to {pair[1]} is there twice")
    return conversions


CurrencyConversions = Annotated[
    list[CurrencyConversion], AfterValidator(_one_rate_each), Field(max_length=CONVERSIONS_MAX)
]


class OrganizationConfig(Noun):
    """The organization's configuration."""

    timezone: Text
    year_epoch: Date
    month_epoch: Date
    week_epoch: Date
    day_epoch: Date
    currency: CurrencyCode
    days_before_bill_due: PositiveWhole
    currency_conversions: CurrencyConversions | None = None
    scheduled_bill_interval: (
        Annotated[
            NotNegative,
            AfterValidator(_interval),
            WithJsonSchema({"type": "number", "enum": [Decimal(hours) for hours in BILL_INTERVALS_HOURS]}),
        ]
        | None
    ) = None
    scheduled_bill_offset: Annotated[int, Field(ge=0, le=23), Integral] | None = None
    standing_charge_bill_in_advance: bool | None = None
    commitment_fee_bill_in_advance: bool | None = None
    minimum_spend_bill_in_advance: bool | None = None
    auto_approve_bills_grace_period: PositiveWhole | None = None
    auto_approve_bills_grace_period_unit: Literal["MINUTES", "HOURS", "DAYS"] | None = None
    external_invoice_date: Literal["LAST_DAY_OF_ARREARS", "FIRST_DAY_OF_NEXT_PERIOD"] | None = None
    suppressed_empty_bills: bool | None = None
    consolidate_bills: bool | None = None
    default_statement_definition_id: Id | None = None
    auto_generate_statement_mode: StatementMode | None = None
    credit_application_order: CreditApplicationOrder | None = None
    allow_negative_balances: bool | None = None
    allow_overlapping_plans: bool | None = None
    bill_prefix: Annotated[str, Field(max_length=50)] | None = None
    sequence_start_number: Whole | None = None


ORGANIZATION_CONFIG: Final = Resource(
    type="organizationConfig",
    path="organizationconfig",
    model=OrganizationConfig,
    title="Organization configuration",
    singleton=True,
    verbs=frozenset({Verb.GET, Verb.UPDATE}),
    indexes=(Index("currency"), Index("defaultStatementDefinitionId")),
    references=(
        Ref("defaultStatementDefinitionId", "statementDefinition"),
        Ref("currency", "currency", compute=gathered("currencies")),
    ),
    related=(Related("currencies", "currency", where={"code": "currency"}),),
    rules=(check_config,),
)

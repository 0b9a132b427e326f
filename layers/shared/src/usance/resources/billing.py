"""What clients send about bills and bill jobs, and what they get (billing.md 12)."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from usance.domain.billing.items import LineItemType
from usance.resources.fields import Day, Id, Integral, Noun, PricingCurrency, Version, unique_items
from usance.resources.organization_config import CurrencyConversion, CurrencyConversions

ACCOUNTS_MAX = 100
RECALCULATE_MAX = 100
APPROVE_MAX = 1_000  # a page of ids a caller may reasonably hold; larger approvals go by filter
INTERVAL_MAX = 365

JobFrequency = Literal["DAILY", "WEEKLY", "MONTHLY", "ANNUALLY", "AD_HOC"]
BillFrequency = Literal["DAILY", "WEEKLY", "MONTHLY", "ANNUALLY", "AD_HOC", "MIXED"]
Status = Literal["PENDING", "APPROVED"]
# What bills are made of here, and what the API knows besides: memos, and two kinds that nothing makes.
LINE_ITEM_TYPES: Final = (*LineItemType, "CREDIT_MEMO", "DEBIT_MEMO", "CREDIT_DEDUCTION", "MANUAL_ADJUSTMENT")


class BillJobRequest(Noun):
    """A request to calculate bills. Without `accountIds` it bills every account."""

    account_ids: (
        Annotated[list[Id], Field(min_length=1, max_length=ACCOUNTS_MAX), AfterValidator(unique_items)] | None
    ) = None
    billing_frequency: JobFrequency | None = None
    bill_frequency_interval: Annotated[int, Field(ge=1, le=INTERVAL_MAX), Integral] | None = None
    last_date_in_billing_period: Day | None = None
    bill_date: Day | None = None
    due_date: Day | None = None
    external_invoice_date: Day | None = None
    day_epoch: Day | None = None
    week_epoch: Day | None = None
    month_epoch: Day | None = None
    year_epoch: Day | None = None
    timezone: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    target_currency: PricingCurrency | None = None
    currency_conversions: CurrencyConversions | None = None


class BillPreviewRequest(BillJobRequest):
    """A request to show the bill of one account without storing it."""

    account_ids: Annotated[list[Id], Field(min_length=1, max_length=1)]
    billing_frequency: JobFrequency
    bill_frequency_interval: Annotated[int, Field(ge=1, le=INTERVAL_MAX), Integral]


class RecalculateRequest(Noun):
    """A request to calculate bills again."""

    bill_ids: Annotated[list[Id], Field(min_length=1, max_length=RECALCULATE_MAX)]


class ApproveRequest(Noun):
    """Bills to approve; without them the query parameters select."""

    bill_ids: Annotated[list[Id], Field(min_length=1, max_length=APPROVE_MAX)] | None = None


class BillsDownloadRequest(Noun):
    """Which bills to write as CSV, by their bill dates or by their invoice dates; the last day is excluded.

    `status` is Usance's own: invoices are made of approved bills.
    """

    format: Literal["STANDARD", "XERO"] = "STANDARD"
    status: Status | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    external_invoice_date_start: Day | None = None
    external_invoice_date_end: Day | None = None


class StatusRequest(Noun):
    """The status a bill shall have."""

    status: Status


class BillConfigRequest(Noun):
    """The organization's billing configuration."""

    bill_lock_date: Day | None = None
    version: Version | None = None


class _Audited(Noun):
    id: str
    version: int | None = None
    dt_created: str | None = None
    dt_last_modified: str | None = None
    created_by: str | None = None
    last_modified_by: str | None = None


class BillJob(_Audited):
    """A bill job. `total` and `pending` count accounts."""

    type: Literal["CREATE", "RECALCULATE"] | None = None
    status: Literal["PENDING", "INITIALIZING", "RUNNING", "COMPLETE", "CANCELLED"] | None = None
    total: int | None = None
    pending: int | None = None
    bill_ids: list[str] | None = None
    account_ids: list[str] | None = None
    billing_frequency: JobFrequency | None = None
    bill_frequency_interval: int | None = None
    last_date_in_billing_period: str | None = None
    bill_date: str | None = None
    due_date: str | None = None
    external_invoice_date: str | None = None
    day_epoch: str | None = None
    week_epoch: str | None = None
    month_epoch: str | None = None
    year_epoch: str | None = None
    timezone: str | None = None
    target_currency: str | None = None
    currency_conversions: list[CurrencyConversion] | None = None


class BandUsage(Noun):
    """What one touched pricing band contributes to a line item."""

    pricing_band_id: str | None = None
    lower_limit: Decimal | None = None
    fixed_price: Decimal | None = None
    unit_price: Decimal | None = None
    band_units: Decimal | None = None
    band_quantity: Decimal | None = None
    unit_subtotal: Decimal | None = None
    band_subtotal: Decimal | None = None
    converted_band_subtotal: Decimal | None = None


class _Line(Noun):
    id: str
    sequence_number: int | None = None
    line_item_type: Annotated[str, Field(json_schema_extra={"enum": list(LINE_ITEM_TYPES)})]
    description: str
    currency: str
    quantity: Decimal
    unit: str
    units: Decimal
    average_unit_price: Decimal
    subtotal: Decimal
    conversion_rate: Decimal
    converted_subtotal: Decimal
    service_period_start_date: str | None = None
    service_period_end_date: str | None = None
    product_id: str | None = None
    product_name: str | None = None
    product_code: str | None = None
    accounting_product_id: str | None = None
    accounting_product_name: str | None = None
    accounting_product_code: str | None = None
    plan_id: str | None = None
    plan_group_id: str | None = None
    pricing_id: str | None = None
    aggregation_id: str | None = None
    compound_aggregation_id: str | None = None
    meter_id: str | None = None
    counter_id: str | None = None
    charge_id: str | None = None
    balance_id: str | None = None
    commitment_id: str | None = None
    contract_id: str | None = None
    reason_id: str | None = None
    referenced_bill_id: str | None = None
    referenced_line_item_id: str | None = None
    segment: dict[str, str] | None = None


class BillLineItem(_Line):
    """A line item as a bill embeds it."""

    usage_per_pricing_band: list[BandUsage] | None = None
    child_account_id: str | None = None
    child_account_code: str | None = None


class LineItem(_Line):
    """A line item as the list of a bill's line items shows it, with the version and audit fields of the bill."""

    band_usage: list[BandUsage] | None = None
    bill_id: str | None = None
    json_usage_generated: bool | None = None
    version: int | None = None
    dt_created: str | None = None
    dt_last_modified: str | None = None
    created_by: str | None = None
    last_modified_by: str | None = None


class Bill(_Audited):
    """A bill. `billTotal` is in `currency`; `endDate` is the first day after the period."""

    org_id: str | None = None
    account_id: str | None = None
    account_code: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    start_date_time_utc: Annotated[str | None, Field(alias="startDateTimeUTC")] = None
    end_date_time_utc: Annotated[str | None, Field(alias="endDateTimeUTC")] = None
    bill_date: str | None = None
    due_date: str | None = None
    external_invoice_date: str | None = None
    external_invoice_reference: str | None = None
    billing_frequency: BillFrequency | None = None
    bill_frequency_interval: int | None = None
    timezone: str | None = None
    currency: str | None = None
    currency_conversions: list[CurrencyConversion] | None = None
    purchase_order_number: str | None = None
    sequential_invoice_number: str | None = None
    status: Status | None = None
    locked: bool | None = None
    bill_total: Decimal | None = None
    line_items: list[BillLineItem] | None = None
    bill_job_id: str | None = None
    created_date: str | None = None
    last_calculated_date: str | None = None
    dt_approved: str | None = None
    approved_by: str | None = None
    dt_locked: str | None = None
    locked_by: str | None = None
    json_statement_generated: bool | None = None
    csv_statement_generated: bool | None = None
    statement_stale: bool | None = None


class BillConfig(_Audited):
    """The organization's billing configuration."""

    bill_lock_date: str | None = None


class Message(Noun):
    """What was done, in words."""

    message: str

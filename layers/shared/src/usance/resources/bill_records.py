"""How a line item came about, and corrections of locked bills, as the API shows them; beyond the API of m3ter."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from usance.resources.billing import BandUsage
from usance.resources.fields import Id, Noun


class ExplainedUsage(Noun):
    """An aggregated value and the measurements it was made of: how many, the first and last, and a digest of all.

    The digest is the sum, modulo 2^256, of the SHA-256 of each measurement's `uid ts receipt` (microseconds since 1970).
    """

    aggregation_id: str
    meter_id: str
    account_ids: list[str] | None = None
    aggregation: str
    target_field: str
    segment: dict[str, str] | None = None
    start_date: str
    end_date: str
    value: Decimal | None = None
    count: int
    first: str | None = None
    last: str | None = None
    digest: str | None = None


class ExplainedBand(Noun):
    """A pricing band as it was."""

    id: str
    lower_limit: Decimal
    fixed_price: Decimal
    unit_price: Decimal


class ExplainedPricing(Noun):
    """The pricing as it was when the bill was calculated."""

    id: str
    version: int
    type: str
    of_template: bool
    start_date: str
    end_date: str | None = None
    cumulative: bool
    tiers_span_plan: bool
    segment: dict[str, str] | None = None
    minimum_spend: Decimal
    pricing_bands: list[ExplainedBand]


class ExplainedPart(Noun):
    """A simple aggregation in a compound one, and what stands in for it where there was no usage."""

    code: str
    aggregation_id: str
    default_value: Decimal | None = None


class ExplainedCompound(Noun):
    """The calculation of a quantity as it was, with the custom fields in it."""

    id: str
    calculation: str
    evaluate_null_aggregations: bool
    aggregations: list[ExplainedPart]
    custom_fields: dict[str, Decimal | str]


class ExplainedUnits(Noun):
    """From a quantity to units: divided, then rounded."""

    quantity: Decimal
    default_value: Decimal | None = None
    quantity_per_unit: Decimal
    exact: Decimal
    rounding: str
    units: Decimal


class ExplainedWorking(Noun):
    """A step from amounts to an amount, such as a proration."""

    step: str
    given: dict[str, Decimal]
    result: Decimal


class ExplainedRounding(Noun):
    """An amount before and after it was rounded to its currency."""

    currency: str
    max_decimal_places: int
    rounding_mode: str
    exact: Decimal
    result: Decimal


class ExplainedConversion(ExplainedRounding):
    """`subtotal × conversionRate`, before and after it was rounded to the billing currency."""

    from_: Annotated[str, Field(alias="from")]
    conversion_rate: Decimal


class HandWritten(Noun):
    """Who added a credit or debit line item, and when."""

    created_by: str | None = None
    dt_created: str | None = None


class LineExplanation(Noun):
    """How a line item came about. What does not apply to its type is left out."""

    bill_id: str
    line_item_id: str
    record_id: str | None = None
    line_item_type: str
    description: str
    service_period_start_date: str | None = None
    service_period_end_date: str | None = None
    usage: list[ExplainedUsage] | None = None
    pricing: ExplainedPricing | None = None
    compound_aggregation: ExplainedCompound | None = None
    units: ExplainedUnits | None = None
    band_usage: list[BandUsage] | None = None
    workings: list[ExplainedWorking] | None = None
    rounding: ExplainedRounding | None = None
    conversion: ExplainedConversion | None = None
    written_by_hand: HandWritten | None = None


class RecordUrl(Noun):
    """Where the record of a calculation can be downloaded for a while."""

    record_id: str
    format: int
    download_url: str


class CorrectionRequest(Noun):
    """Which open bill takes the correction; the account's latest when none is named."""

    target_bill_id: Id | None = None


class CorrectedLine(Noun):
    """A line item of a locked bill: what was billed, what it would be now, what earlier corrections made up for, and what is left."""

    line_item_id: str
    line_item_type: str
    description: str
    service_period_start_date: str
    service_period_end_date: str
    billed: Decimal
    recalculated: Decimal
    corrected: Decimal
    difference: Decimal


class Correction(Noun):
    """What is left to correct of a locked bill, in its currency. `targetBillId` is the bill that took it, when it was made."""

    bill_id: str
    account_id: str
    currency: str
    count: int
    total: Decimal
    line_items: list[CorrectedLine]
    target_bill_id: str | None = None

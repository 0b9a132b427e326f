"""Pricings: the price of an aggregation, on a plan or for all plans of a template (billing.md 2)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.compounds import aggregations_of_pricing
from usance.domain.catalog.pricings import (
    check_bands,
    check_dates,
    check_parents,
    check_product,
    check_segment,
    in_force,
)
from usance.resources.aggregation import SegmentValue
from usance.resources.fields import Code, DateTime, Description, Id, Identifier, NotNegative, Noun, Number
from usance.resources.resource import IDS, Filter, Index, Ref, Related, Resource, Selection, Serial

BANDS_MAX: Final = 500  # more bands than any price list; a bill shows those that were touched


class PricingBand(Noun):
    """A band: what holds above `lowerLimit` units."""

    id: Annotated[str, Field(max_length=36)] | None = None
    lower_limit: NotNegative
    fixed_price: Number
    unit_price: Number
    credit_type_id: Annotated[str, Field(max_length=36)] | None = None


class Pricing(Noun):
    """A pricing. It has one of `planId` and `planTemplateId`, one of `aggregationId` and `compoundAggregationId`."""

    code: Code | None = None
    description: Description | None = None
    plan_id: Id | None = None
    plan_template_id: Id | None = None
    aggregation_id: Id | None = None
    compound_aggregation_id: Id | None = None
    accounting_product_id: Id | None = None
    type: Literal["DEBIT", "PRODUCT_CREDIT", "GLOBAL_CREDIT"] = "DEBIT"
    cumulative: bool = False
    tiers_span_plan: bool = False
    pricing_bands: Annotated[list[PricingBand], Field(min_length=1, max_length=BANDS_MAX)]
    overage_pricing_bands: Annotated[list[PricingBand], Field(max_length=BANDS_MAX)] | None = None
    segment: Annotated[dict[Identifier, SegmentValue], Field(max_length=5)] | None = None
    minimum_spend: NotNegative | None = None
    minimum_spend_description: Description | None = None
    minimum_spend_bill_in_advance: bool | None = None
    start_date: DateTime
    end_date: DateTime | None = None


PRICING: Final = Resource(
    type="pricing",
    path="pricings",
    model=Pricing,
    title="Pricing",
    unique=("code",),
    indexes=(
        Index("planId"),
        Index("planTemplateId"),
        Index("aggregationId"),
        Index("compoundAggregationId"),
        Index("accountingProductId"),
    ),
    filters=(
        IDS,
        Filter("planId", "planId", "Only the pricings of this plan."),
        Filter("planTemplateId", "planTemplateId", "Only the pricings of this plan template."),
        Filter("aggregationId", "aggregationId", "Only the pricings of this aggregation."),
    ),
    selection=Selection(
        {"date": {"type": "string", "description": "Only the pricings in force at this date or date-time."}}, in_force
    ),
    references=(
        Ref("planId", "plan"),
        Ref("planTemplateId", "planTemplate"),
        Ref("aggregationId", "aggregation"),
        Ref("compoundAggregationId", "compoundAggregation"),
        Ref("accountingProductId", "product"),
    ),
    related=(
        Related("plan", "plan", id_at="planId"),
        Related("template", "planTemplate", id_at="planTemplateId"),
        Related("aggregation", "aggregation", id_at="aggregationId"),
        Related("meter", "meter", id_at="aggregation.meterId"),
        Related("compound", "compoundAggregation", id_at="compoundAggregationId"),
        Related("compounded", "aggregation", find=aggregations_of_pricing),
    ),
    rules=(check_parents, check_dates, check_bands, check_segment, check_product),
    serial=(
        Serial("segments of aggregation", "aggregationId"),
        Serial("segments of compound aggregation", "compoundAggregationId"),
        Serial("product of plan", "planId", holds=True),
        Serial("product of template", "planTemplateId", holds=True),
    ),
    answers={
        "aggregationType": {"type": "string", "enum": ["SIMPLE", "COMPOUND"]},
        "segmentString": {"type": "string", "description": "The segment as text, such as `region=EU, tier=gold`."},
    },
)

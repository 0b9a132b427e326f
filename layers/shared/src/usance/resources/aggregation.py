"""Aggregations: how measurements become a quantity, and a quantity units (metering.md 4)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.aggregations import (
    check_segments,
    check_still_priced,
    check_target,
    product_of_meter,
    query_to_try,
)
from usance.domain.catalog.compounds import check_compounds, compound_pricings
from usance.resources.fields import CustomFields, Id, Identifier, Name, NotNegative, Noun, Positive
from usance.resources.meter import Unit
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial

SEGMENTS_MAX: Final = 1_000
SEGMENTED_FIELDS_MAX: Final = 5
SegmentValue = Annotated[str, Field(min_length=1, max_length=200)]


class Aggregation(Noun):
    """A simple aggregation of one field of a meter."""

    name: Name
    code: Identifier | None = None
    meter_id: Id
    target_field: Identifier
    aggregation: Literal[
        "SUM",
        "MIN",
        "MAX",
        "COUNT",
        "LATEST",
        "MEAN",
        "UNIQUE",
        "CUSTOM_SQL",
        "P50",
        "P75",
        "P90",
        "P95",
        "P99",
        "TIME_WEIGHTED_SUM",
    ]
    quantity_per_unit: Positive
    rounding: Literal["UP", "DOWN", "NEAREST", "NONE"]
    unit: Unit
    segmented_fields: Annotated[list[Identifier], Field(max_length=SEGMENTED_FIELDS_MAX)] | None = None
    segments: Annotated[list[dict[Identifier, SegmentValue]], Field(max_length=SEGMENTS_MAX)] | None = None
    default_value: NotNegative | None = None
    custom_sql: Annotated[str, Field(max_length=2048)] | None = None
    accounting_product_id: Id | None = None
    custom_fields: CustomFields | None = None


AGGREGATION: Final = Resource(
    type="aggregation",
    path="aggregations",
    model=Aggregation,
    title="Aggregation",
    unique=("code",),
    indexes=(
        Index("code"),
        Index("meterId"),
        Index("productId", compute=product_of_meter),
        Index("accountingProductId"),
    ),
    filters=(
        IDS,
        Filter("codes", "code", "Only the aggregations with these codes.", many=True),
        Filter("productId", "productId", "Only the aggregations on meters of these products.", many=True),
    ),
    references=(Ref("meterId", "meter"), Ref("accountingProductId", "product")),
    related=(
        Related("meter", "meter", id_at="meterId"),
        Related("pricings", "pricing", where={"aggregationId": "id"}),
        Related("compounds", "compoundAggregation", where={"aggregationId": "id"}),
        Related("compound_pricings", "pricing", find=compound_pricings),
    ),
    query=query_to_try,
    rules=(check_target, check_segments, check_still_priced, check_compounds),
    serial=(
        Serial("fields of meter", "meterId"),
        Serial("segments of aggregation", "id"),
        Serial("code of aggregation", "code"),
    ),
    dependants=(
        Dependant("pricing", "aggregationId"),
        Dependant("compoundAggregation", "aggregationId"),
        Dependant("dataExportSchedule", "aggregationId", wide=True),
    ),
)

"""Compound aggregations: a quantity calculated from simple aggregations (metering.md 5)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.compounds import (
    check_calculation,
    check_priced,
    codes_in_calculation,
    ids_of_aggregations,
    named_aggregations,
    offered_segments,
)
from usance.resources.fields import CustomFields, Id, Identifier, Name, Noun, Positive
from usance.resources.meter import Unit
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial


class CompoundAggregation(Noun):
    """A compound aggregation. Without `productId` it is global: it may price any plan."""

    name: Name
    code: Identifier | None = None
    calculation: Annotated[str, Field(min_length=1, max_length=5000)]
    quantity_per_unit: Positive
    rounding: Literal["UP", "DOWN", "NEAREST", "NONE"]
    unit: Unit
    product_id: Id | None = None
    evaluate_null_aggregations: bool = False
    accounting_product_id: Id | None = None
    custom_fields: CustomFields | None = None


COMPOUND_AGGREGATION: Final = Resource(
    type="compoundAggregation",
    path="compoundaggregations",
    model=CompoundAggregation,
    title="Compound aggregation",
    unique=("code",),
    indexes=(
        Index("code"),
        Index("productId"),
        Index("accountingProductId"),
        Index("aggregationId", compute=ids_of_aggregations),
    ),
    filters=(
        IDS,
        Filter("codes", "code", "Only the compound aggregations with these codes.", many=True),
        Filter("productId", "productId", "Only the compound aggregations of these products.", many=True),
    ),
    references=(
        Ref("productId", "product"),
        Ref("accountingProductId", "product"),
        Ref("calculation", "aggregation", compute=ids_of_aggregations),
    ),
    related=(
        Related("aggregations", "aggregation", find=named_aggregations),
        Related("pricings", "pricing", where={"compoundAggregationId": "id"}),
    ),
    rules=(check_calculation, check_priced),
    serial=(
        Serial("code of aggregation", compute=codes_in_calculation),
        Serial("segments of compound aggregation", "id"),
    ),
    dependants=(
        Dependant("pricing", "compoundAggregationId"),
        Dependant("dataExportSchedule", "compoundAggregationId", wide=True),
    ),
    derived=offered_segments,
    answers={
        "segments": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": {"type": "string"}},
            "description": "The segments that its pricings may name: those that all its segmented aggregations share.",
        }
    },
)

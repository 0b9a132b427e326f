"""Meters: which fields a measurement carries (metering.md 3)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.domain.catalog.meters import check_fields, check_targets
from usance.resources.fields import Code, CustomFields, Id, Identifier, Name, Noun
from usance.resources.resource import IDS, Dependant, Filter, Index, Ref, Related, Resource, Serial

FIELDS_MAX: Final = 15
Unit = Annotated[str, Field(min_length=1, max_length=50)]


class DataField(Noun):
    """A field that clients send."""

    category: Literal["WHO", "WHERE", "WHAT", "OTHER", "METADATA", "MEASURE", "INCOME", "COST"]
    code: Identifier
    name: Name
    unit: Unit | None = None


class DerivedField(DataField):
    """A field computed from others when a measurement is taken in."""

    calculation: Annotated[str, Field(min_length=1, max_length=5000)]


class Meter(Noun):
    """A meter. Without `productId` it is global: its aggregations may price any plan."""

    name: Name
    code: Code
    data_fields: Annotated[list[DataField], Field(min_length=1, max_length=FIELDS_MAX)]
    derived_fields: Annotated[list[DerivedField], Field(max_length=FIELDS_MAX)]
    product_id: Id | None = None
    group_id: Id | None = None
    custom_fields: CustomFields | None = None


METER: Final = Resource(
    type="meter",
    path="meters",
    model=Meter,
    title="Meter",
    unique=("code",),
    indexes=(Index("code"), Index("productId")),
    filters=(
        IDS,
        Filter("codes", "code", "Only the meters with these codes.", many=True),
        Filter("productId", "productId", "Only the meters of these products.", many=True),
    ),
    references=(Ref("productId", "product"),),
    related=(Related("aggregations", "aggregation", where={"meterId": "id"}),),
    rules=(check_fields, check_targets),
    serial=(Serial("fields of meter", "id"),),
    dependants=(
        Dependant("aggregation", "meterId"),
        Dependant("statementDefinition", "meterId"),
        Dependant("dataExportSchedule", "meterIds", wide=True),
    ),
)

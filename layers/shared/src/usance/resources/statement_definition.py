"""Statement definitions: how a statement breaks usage down (billing.md 14)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from usance.resources.fields import Id, Name, Noun
from usance.resources.resource import Dependant, Index, Ref, Resource, values_at

PARTS_MAX: Final = 16  # a meter of each changes an index row, drops one and is checked: three items of a transaction
VALUES_MAX: Final = 1_000
Value = Annotated[str, Field(max_length=200)]


class Dimension(Noun):
    """A text field to break down by. `filter` lists the values to show; `*` shows all."""

    name: Name
    filter: Annotated[list[Value], Field(max_length=VALUES_MAX)]
    attributes: Annotated[list[Value], Field(max_length=VALUES_MAX)] | None = None
    meter_id: Id | None = None


class Measure(Noun):
    """A field to aggregate; without a name, every number field of the meter."""

    name: Annotated[str, Field(max_length=200)] | None = None
    aggregations: (
        Annotated[
            list[Literal["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE", "CUSTOM_SQL"]], Field(max_length=8)
        ]
        | None
    ) = None
    meter_id: Id | None = None


class StatementDefinition(Noun):
    """A statement definition."""

    name: Name | None = None
    aggregation_frequency: Literal["DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "WHOLE_PERIOD"]
    dimensions: Annotated[list[Dimension], Field(max_length=PARTS_MAX)] | None = None
    measures: Annotated[list[Measure], Field(max_length=PARTS_MAX)] | None = None
    include_price_per_unit: bool = False
    generate_slim_statements: bool = False


STATEMENT_DEFINITION: Final = Resource(
    type="statementDefinition",
    path="statementdefinitions",
    model=StatementDefinition,
    title="Statement definition",
    indexes=(
        Index(
            "meterId",
            compute=lambda it: (*values_at(it.new, "dimensions[].meterId"), *values_at(it.new, "measures[].meterId")),
        ),
    ),
    references=(Ref("dimensions[].meterId", "meter"), Ref("measures[].meterId", "meter")),
    dependants=(
        Dependant("account", "statementDefinitionId"),
        Dependant("organizationConfig", "defaultStatementDefinitionId"),
    ),
)

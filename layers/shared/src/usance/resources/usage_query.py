"""Questions about usage, and what is answered (metering.md 7)."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from usance.resources.fields import DateTime, Id, Identifier, Integral, Noun, unique_items

METERS_MAX: Final = 100
ACCOUNTS_MAX: Final = 1_000
FILTERS_MAX: Final = 50
VALUES_MAX: Final = 200
AGGREGATIONS_MAX: Final = 50  # each is computed over every measurement that is read
GROUPS_MAX: Final = 10
ROWS_MAX: Final = 20_000

Value = Annotated[str, Field(max_length=1_024)]


class DimensionFilter(Noun):
    """Keeps the measurements of a meter whose field has one of the values."""

    meter_id: Id
    field_code: Identifier
    values: Annotated[list[Value], Field(min_length=1, max_length=VALUES_MAX)]


class UsageAggregation(Noun):
    """A value to compute of a field: SUM, MIN, MAX, COUNT, LATEST, MEAN of a MEASURE, COUNT, UNIQUE of a DIMENSION.

    Or what an aggregation or a compound aggregation comes to, named by its id alone, which is our own extension.
    """

    meter_id: Id | None = None
    field_code: Identifier | None = None
    field_type: Literal["DIMENSION", "MEASURE"] | None = None
    function: Literal["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE"] | None = None
    aggregation_id: Id | None = None
    compound_aggregation_id: Id | None = None


class UsageGroup(Noun):
    """What the values are computed for each of: an account, a value of a dimension of a meter, a stretch of time.

    Or a segment of the aggregations that are named by id, which is our own extension; so is the `timezone` of a stretch of
    time, without which it is one in UTC.
    """

    group_type: Literal["ACCOUNT", "DIMENSION", "TIME", "SEGMENT"]
    meter_id: Id | None = None
    field_code: Identifier | None = None
    frequency: Literal["HOUR", "DAY", "WEEK", "MONTH", "QUARTER"] | None = None
    timezone: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class UsageQuery(Noun):
    """Usage from `startDate` up to but not including `endDate`, by its own time. Without aggregations: measurements."""

    start_date: DateTime
    end_date: DateTime
    meter_ids: Annotated[list[Id], Field(max_length=METERS_MAX), AfterValidator(unique_items)] | None = None
    account_ids: Annotated[list[Id], Field(max_length=ACCOUNTS_MAX), AfterValidator(unique_items)] | None = None
    dimension_filters: Annotated[list[DimensionFilter], Field(max_length=FILTERS_MAX)] | None = None
    aggregations: Annotated[list[UsageAggregation], Field(max_length=AGGREGATIONS_MAX)] | None = None
    groups: Annotated[list[UsageGroup], Field(max_length=GROUPS_MAX)] | None = None
    limit: Annotated[int, Field(ge=1, le=ROWS_MAX), Integral] | None = None


class UsageAnswer(Noun):
    """Rows, and whether there are more than were asked for or than one answer holds."""

    data: list[dict[str, Any]]
    has_more_data: bool

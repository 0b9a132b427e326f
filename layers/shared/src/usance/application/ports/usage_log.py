"""The store of measurements (metering.md 1; design: packed, counted once)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UsageScope:
    """Whose usage: one meter of one account."""

    org_id: str
    meter_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class AggregationQuery:
    """One aggregation over `[start, end)` by `ts`.

    `method` is a value of the API (SUM, MIN, MAX, COUNT, LATEST, MEAN, UNIQUE). `group_by` names string fields, and
    `bucket_starts` (ascending instants; the first is `start`) cuts the span into buckets; both may be empty.
    """

    method: str
    target_field: str
    group_by: Sequence[str] = ()
    bucket_starts: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class AggregatedRow:
    """One group's value: None when the group holds no value. `count` is the number of measurements."""

    group: Mapping[str, str]
    bucket_start: datetime | None
    value: Decimal | None
    count: int


class UsageReader(Protocol):
    """Deduplicated, exact reads."""

    def aggregate(
        self, scope: UsageScope, start: datetime, end: datetime, queries: Sequence[AggregationQuery]
    ) -> Sequence[Sequence[AggregatedRow]]:
        """Per query, its rows (none when there is no usage). Reads the span once for all queries."""
        ...

"""The store of measurements (metering.md 1; design: packed, counted once)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from usance.application.ports.read_budget import ReadBudget
from usance.domain.metering.aggregation import Observation
from usance.domain.metering.columns import Columns
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.evidence import Evidence


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
    A measurement without a field of `group_by` is in the group of the empty text. `where` keeps the measurements whose
    string fields have one of the values, `without` those that have none of its own. `sql` is a query of the customer's own over the table `measurements`, whose one
    value is that of each group; `method` is then CUSTOM_SQL. With
    `evidence`, rows say which measurements they are made of; with `hold`, they have every observation of theirs, or for
    `sql` the measurements themselves and no value, to be put together with those of others. `of_numbers` has COUNT leave
    out the texts of a field that was one of texts, as the number that a sum is divided by for a mean.
    """

    method: str
    target_field: str
    group_by: Sequence[str] = ()
    bucket_starts: Sequence[datetime] = ()
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sql: CustomSql | None = None
    without: Mapping[str, Sequence[str]] = field(default_factory=dict)
    evidence: bool = False
    hold: bool = False
    of_numbers: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """What decides which value is the latest: `ts` and the receipt in microseconds since 1970, then the uid."""

    ts: int
    received: int
    uid: str

    @property
    def place(self) -> tuple[int, int, str]:
        """By which moments are ordered."""
        return self.ts, self.received, self.uid


class HeldMeasurements(Protocol):
    """Measurements that a reader handed out whole, to be handed back to it."""

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class AggregatedRow:
    """One group's value: None when the group holds no value. `count` is the number of measurements.

    `latest` is the moment of the value, for LATEST alone. `value` has no trailing zeros and no exponent, so that the same usage reads the same however it was packed.
    """

    group: Mapping[str, str]
    bucket_start: datetime | None
    value: Decimal | None
    count: int
    latest: Moment | None = None
    evidence: Evidence | None = None
    held: Sequence[Observation] = ()
    measured: HeldMeasurements | None = None

    @property
    def held_count(self) -> int:
        """How many measurements it holds."""
        return len(self.held) + (len(self.measured) if self.measured is not None else 0)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement as it counts. Instants are microseconds since 1970; fields without a value are absent."""

    scope: UsageScope
    uid: str
    ts: int
    ets: int | None
    received: int
    numbers: Mapping[str, Decimal]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A copy of a measurement that was received before, which does not count. Instants are microseconds since 1970."""

    scope: UsageScope
    uid: str
    ts: int
    received: int


@dataclass(slots=True)
class Repeats:
    """What a reader comes upon: copies received at `since` or later, at most `limit` of them."""

    since: int
    limit: int = 1_000
    found: list[Repeat] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UsageBatch:
    """Measurements of one request that share meter, account and month: what is stored, and counted, together.

    `digest` follows from the content as it was submitted: the same content has the same digest, whatever was derived from it.
    """

    scope: UsageScope
    month: str
    digest: str
    received_at: datetime
    columns: Columns


class UsageWriter(Protocol):
    """Durable, repeatable writes."""

    def append(self, batches: Sequence[UsageBatch]) -> None:
        """Store every batch; durable on return. A batch that is there already keeps the time it was first received.

        Raises `UnavailableError` when any batch may be missing: the same call may then be repeated.
        """
        ...


class UsageMerger(Protocol):
    """Makes few items of many, which changes no answer."""

    def merge(self, scope: UsageScope, month: str, received_before: datetime) -> int:
        """How many items were made of what was received before an instant; 0 when there is nothing left to do.

        Doing it again, or at the same time elsewhere, changes nothing. Raises `UnavailableError` when it may work later.
        """
        ...


class UsageReader(Protocol):
    """Deduplicated, exact reads. Of measurements of a scope with one `uid` received within 35 days the first counts."""

    def aggregate(
        self,
        scope: UsageScope,
        start: datetime,
        end: datetime,
        queries: Sequence[AggregationQuery],
        *,
        repeats: Repeats | None = None,
    ) -> Sequence[Sequence[AggregatedRow]]:
        """Per query, its rows, by group and bucket in ascending order (none when there is no usage).

        Reads the span once for all queries; copies of the span that do not count are added to `repeats`. Raises
        `InvalidInputError` for a method that is none. Texts have a value by COUNT and UNIQUE alone: to every other method a
        field that was one of texts, and is one of numbers now, has no value then.
        """
        ...

    def answer(self, sql: CustomSql, parts: Sequence[HeldMeasurements]) -> Decimal | None:
        """The one value that a query of the customer's own has over all measurements of `parts`; None for NULL.

        They come in the order of `ts`, receipt and uid; those that share all three in that of the parts.
        `InvalidInputError` when it has no value.
        """
        ...


class UsageExplorer(UsageReader, Protocol):
    """Reads for questions that name no account, or want measurements: bounded, since anybody may ask."""

    def aggregate(
        self,
        scope: UsageScope,
        start: datetime,
        end: datetime,
        queries: Sequence[AggregationQuery],
        *,
        budget: ReadBudget | None = None,
        repeats: Repeats | None = None,
    ) -> Sequence[Sequence[AggregatedRow]]:
        """As `UsageReader` does, reading no more than `budget` has left; `TooMuchUsageError` when it would."""
        ...

    def scopes(self, org_id: str, start: datetime, end: datetime) -> Sequence[UsageScope]:
        """The meters and accounts with usage in the months that `[start, end)` touches, each once, in ascending order."""
        ...

    def measurements(
        self,
        scope: UsageScope,
        start: datetime,
        end: datetime,
        *,
        where: Mapping[str, Sequence[str]],
        limit: int,
        budget: ReadBudget | None = None,
    ) -> Sequence[Measurement]:
        """The measurements of the span that pass `where`, at most `limit`: those received last, the last first.

        Reads no more than `budget` has left; `TooMuchUsageError` when it would.
        """
        ...

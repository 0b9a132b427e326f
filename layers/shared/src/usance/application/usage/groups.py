"""What was measured of usage, put where it belongs: a place for each group, with the parts of every value."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, HeldMeasurements, UsageScope
from usance.application.usage.plan import Plan
from usance.application.usage.values import Shown
from usance.domain.billing.pricings import Segment
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.aggregation import HELD, check_held
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.instants import microseconds
from usance.domain.metering.usage_query import MEAN, UNIQUE, Parts, methods_for
from usance.resources import instants

ACCOUNT: Final = "accountId"
TIME: Final = "ts"
SEGMENT: Final = "segment"
CODE: Final = "accountCode"
FIELD: Final = "field."  # in front of a dimension that has the name of a column of ours, as in rows of measurements
PLACES_MAX: Final = 1_000_000  # groups and segments whose values are considered: about 200 bytes each

Key = tuple[str, ...]
"""A cell for each of the columns, the empty text where a group has no value of it."""
Answers = Sequence[tuple[int, AggregationQuery, Sequence[AggregatedRow]]]
"""By the position of what was measured: what was asked for it, and what was found."""


def group_columns(plan: Plan) -> Sequence[str]:
    """The names of the groups, in the order in which they were asked for."""
    named = {"ACCOUNT": ACCOUNT, "TIME": TIME, "SEGMENT": SEGMENT}
    own = {ACCOUNT, CODE, TIME, *(SEGMENT for _ in range(plan.by_segment))}
    codes = (named.get(group["groupType"]) or _dimension(group["fieldCode"], own) for group in plan.groups)
    return tuple(dict.fromkeys(codes))


def _dimension(code: str, own: set[str]) -> str:
    return f"{FIELD}{code}" if code in own else code


def queries(plan: Plan, scope: UsageScope, *, alone: bool) -> Iterator[tuple[int, AggregationQuery]]:
    """What to ask of a meter of an account, by the position of what it is measured for.

    `alone` says that no other one's usage is put together with it.
    """
    starts = (plan.start, *plan.buckets[1:]) if plan.buckets else ()
    where = plan.filters.get(scope.meter_id, {})
    for at, one in enumerate(plan.measured):
        if one.meter_id == scope.meter_id:
            by_value = (one.field_code,) if one.function == UNIQUE else ()  # distinct over all accounts
            dimensions = plan.dimensions(scope.meter_id)
            groups = tuple(dict.fromkeys([*dimensions, *one.segmented_fields, *by_value]))
            hold = (one.function in HELD or one.sql is not None) and not (alone and not one.segments)
            numbers = one.function == MEAN
            for method in methods_for(one.function):
                query = AggregationQuery(method, one.field_code, groups, starts, where, one.sql)
                yield at, replace(query, hold=hold, of_numbers=numbers)


@dataclass(slots=True)
class Groups:
    """The parts of every value by place. What is measured by segment is at the place of its segment.

    `answer` has what a query of the customer's own comes to, of at most `custom_max` places.
    """

    plan: Plan
    answer: Callable[[CustomSql, Sequence[HeldMeasurements]], Decimal | None]
    custom_max: int
    columns: Sequence[str] = ()
    segments: dict[str, Segment] = field(default_factory=dict)
    """By the text that stands for it in a key."""
    _places: dict[Key, dict[int, Parts]] = field(default_factory=dict)
    _measured: dict[tuple[Key, int], list[HeldMeasurements]] = field(default_factory=dict)
    _answered: dict[tuple[Key, int], Decimal | None] = field(default_factory=dict)
    _segmentations: Mapping[int, Segmentation] = field(default_factory=dict)
    _ends: Mapping[str, int] = field(default_factory=dict)
    """By the text of a bucket's start its end, in microseconds since 1970: there are as many as rows."""
    _held: int = 0

    def __post_init__(self) -> None:
        self.columns = group_columns(self.plan)
        self._segmentations = {
            at: Segmentation.of(one.segments) for at, one in enumerate(self.plan.measured) if one.segments
        }
        for shown in self.plan.shown:
            self.segments |= {_text(segment): segment for segment in shown.segments or ()}
        ends = (*self.plan.buckets[1:], self.plan.end)
        self._ends = {
            instants.to_text(start): microseconds(end)
            for start, end in zip(self.plan.buckets, ends, strict=False)  # none without a group by time
        }

    def add(self, scope: UsageScope, answers: Answers) -> None:
        """Put what was found of one scope where it belongs; what matches no segment counts for none."""
        dimensions = set(self.plan.dimensions(scope.meter_id))
        for at, query, rows in answers:
            measured, segmentation = self.plan.measured[at], self._segmentations.get(at)
            for row in rows:
                place = tuple(self._cell(name, scope, row, dimensions) for name in self.columns)
                values = self._places.setdefault(place, {})
                if segmentation:
                    segment = segmentation.segment_of({code: row.group[code] for code in measured.segmented_fields})
                    if segment is None:
                        continue
                    place = self._at(place, _text(segment))
                    values = self._places.setdefault(place, {})
                if row.measured is not None:
                    self._measured.setdefault((place, at), []).append(row.measured)
                if row.value is not None:
                    parts = values.setdefault(at, Parts(measured.function))
                    text = row.group.get(measured.field_code, "")
                    parts.add(query.method, row.value, text, row.latest.place if row.latest else None)
                    parts.held += row.held
                self._held += row.held_count
                check_held(self._held)
        if len(self._measured) > self.custom_max:
            raise InvalidInputError(
                f"the query would run customSql for more than {self.custom_max} groups and segments; ask for fewer"
            )

    def keys(self) -> Sequence[Key]:
        """The places that may have a value, in ascending order."""
        if not self.plan.by_segment:
            return sorted(self._places)
        wholes = {self._at(key, "") for key in self._places}
        if len(wholes) * (len(self.segments) + 1) > PLACES_MAX:
            raise InvalidInputError(
                f"groups: {len(wholes)} groups of {len(self.segments)} segments are more than {PLACES_MAX} rows; "
                "ask for fewer accounts, longer buckets or fewer aggregations"
            )
        return sorted(self._at(key, text) for key in wholes for text in ("", *self.segments))

    def value(self, key: Key, at: int) -> Decimal | None:
        """What was measured at a place; what is not measured by segment counts whole in each."""
        place = key if self.plan.measured[at].segments else self._at(key, "")
        if measured := self._measured.get((place, at)):
            return self._own(place, at, measured)
        parts = self._places.get(place, {}).get(at)
        return parts.whole(self._until(key)) if parts else None

    def _own(self, place: Key, at: int, measured: Sequence[HeldMeasurements]) -> Decimal | None:
        """What the customer's own query comes to at a place, run once however many rows show it."""
        sql = self.plan.measured[at].sql
        if sql and (place, at) not in self._answered:
            self._answered[place, at] = self.answer(sql, measured)
        return self._answered[place, at]

    def shows(self, shown: Shown, key: Key) -> bool:
        """Whether `shown` has values at a place: of its own segments, or of none when it has none."""
        if not self.plan.by_segment:
            return True
        text = key[self.columns.index(SEGMENT)]
        return not text if shown.segments is None else self.segments.get(text) in shown.segments

    def _until(self, key: Key) -> int:
        """The end of the bucket of a place."""
        return self._ends[key[self.columns.index(TIME)]] if self._ends else microseconds(self.plan.end)

    def _at(self, key: Key, segment: str) -> Key:
        if not self.plan.by_segment:
            return key
        at = self.columns.index(SEGMENT)
        return (*key[:at], segment, *key[at + 1 :])

    def _cell(self, name: str, scope: UsageScope, row: AggregatedRow, dimensions: set[str]) -> str:
        if name == ACCOUNT:
            return scope.account_id
        if name == TIME:
            return instants.to_text(self._bucket(row.bucket_start))
        if name == SEGMENT and self.plan.by_segment:
            return ""
        code = name.removeprefix(FIELD)
        return row.group[code] if code in dimensions else ""

    def _bucket(self, start: datetime | None) -> datetime:
        """The bucket of a row: the first one is read from the start of the query's time only."""
        first = self.plan.buckets[0]
        return first if start is None or start == self.plan.start else start


def _text(segment: Segment) -> str:
    return "\0".join(text for pair in segment for text in pair)

"""Answer the usage queries of a bill with as few reads as possible."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, Repeats, UsageReader, UsageScope
from usance.domain.billing.inputs import Segment
from usance.domain.billing.segments import MERGERS, Segmentation
from usance.domain.billing.usage import UsageQuery, UsageValues
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT

_PARTS: Final[Mapping[str, tuple[str, ...]]] = {"MEAN": ("MEAN", "SUM", "COUNT")}
"""Methods to ask for besides, to put groups together."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One aggregation over a chain of spans."""

    method: str
    target_field: str
    group_by: tuple[str, ...]
    sql: str = ""


_Place = tuple[datetime, Segment | None]
_Values = Mapping[_Place, Sequence[Decimal]]
"""By start of the span and segment: the values of the groups that count there."""


def read_usage(
    reader: UsageReader,
    org_id: str,
    account_id: str,
    queries: Sequence[UsageQuery],
    repeats: Repeats | None = None,
) -> UsageValues:
    """The value of every query. Spans of a meter that follow on each other are read in one go.

    Copies of measurements that do not count are added to `repeats`.
    """
    values: dict[UsageQuery, Decimal | None] = {}
    by_meter: dict[str, list[UsageQuery]] = {}
    for query in queries:
        by_meter.setdefault(query.meter_id, []).append(query)
    for meter_id, asked in by_meter.items():
        scope = UsageScope(org_id, meter_id, account_id)
        for chain in _chains({query.span for query in asked}):
            spans = set(chain)
            values.update(_read_chain(reader, scope, chain, [query for query in asked if query.span in spans], repeats))
    return values


def _chains(spans: Iterable[Instants]) -> Sequence[Sequence[Instants]]:
    """The spans in runs of neighbours, each ending where the next begins."""
    chains: list[list[Instants]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        chain = next((chain for chain in chains if chain[-1].end == span.start), None)
        if chain:
            chain.append(span)
        else:
            chains.append([span])
    return chains


def _read_chain(
    reader: UsageReader,
    scope: UsageScope,
    chain: Sequence[Instants],
    queries: Sequence[UsageQuery],
    repeats: Repeats | None,
) -> UsageValues:
    asks = tuple(dict.fromkeys(ask for query in queries for ask in _asks(query)))
    starts = tuple(span.start for span in chain) if len(chain) > 1 else ()
    answers = reader.aggregate(
        scope,
        chain[0].start,
        chain[-1].end,
        [AggregationQuery(ask.method, ask.target_field, ask.group_by, starts, sql=ask.sql) for ask in asks],
        repeats=repeats,
    )
    rows = dict(zip(asks, answers, strict=True))
    sorted_out: dict[tuple[str, bool], Mapping[str, _Values]] = {}
    values: dict[UsageQuery, Decimal | None] = {}
    for query in queries:
        aggregation = (query.aggregation_id, query.segment is None)
        if aggregation not in sorted_out:
            sorted_out[aggregation] = {ask.method: _placed(rows[ask], query, chain[0].start) for ask in _asks(query)}
        values[query] = _value(query, sorted_out[aggregation])
    return values


def _asks(query: UsageQuery) -> Sequence[_Ask]:
    if query.segment is None:
        return [_Ask(query.method, query.target_field, (), query.custom_sql)]
    methods = _PARTS.get(query.method, (query.method,))
    return [_Ask(method, query.target_field, query.segmented_fields, query.custom_sql) for method in methods]


def _placed(rows: Sequence[AggregatedRow], query: UsageQuery, first: datetime) -> _Values:
    """The rows of a query's aggregation by where they count; those that match no segment are left out."""
    segmentation = Segmentation.of(query.segments) if query.segment is not None else None
    placed: dict[_Place, list[Decimal]] = {}
    for row in rows:
        segment = segmentation.segment_of(row.group) if segmentation else None
        if row.value is not None and (segment is not None or segmentation is None):
            placed.setdefault((row.bucket_start or first, segment), []).append(row.value)
    return placed


def _value(query: UsageQuery, placed: Mapping[str, _Values]) -> Decimal | None:
    place = (query.span.start, query.segment)
    values = placed[query.method].get(place, ())
    if len(values) <= 1:
        return values[0] if values else None
    if query.method == "MEAN":
        return EXACT.divide(MERGERS["SUM"](placed["SUM"][place]), MERGERS["COUNT"](placed["COUNT"][place]))
    if merge := MERGERS.get(query.method):
        return merge(values)
    raise InvalidInputError(
        f"the segment {dict(query.segment or ())} covers several values, whose {query.method} of {query.target_field} "
        "cannot be put together; give each value a segment of its own"
    )

"""Answer the usage queries of a bill with as few reads as possible."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageReader, UsageScope
from usance.domain.billing.segments import MERGERS, Segment, segment_of
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


def read_usage(reader: UsageReader, org_id: str, account_id: str, queries: Sequence[UsageQuery]) -> UsageValues:
    """The value of every query. Spans of a meter that follow on each other are read in one go."""
    values: dict[UsageQuery, Decimal | None] = {}
    by_meter: dict[str, list[UsageQuery]] = {}
    for query in queries:
        by_meter.setdefault(query.meter_id, []).append(query)
    for meter_id, asked in by_meter.items():
        scope = UsageScope(org_id, meter_id, account_id)
        for chain in _chains({query.span for query in asked}):
            values.update(_read_chain(reader, scope, chain, [query for query in asked if query.span in chain]))
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
    reader: UsageReader, scope: UsageScope, chain: Sequence[Instants], queries: Sequence[UsageQuery]
) -> UsageValues:
    asks = tuple(dict.fromkeys(ask for query in queries for ask in _asks(query)))
    starts = tuple(span.start for span in chain) if len(chain) > 1 else ()
    answers = reader.aggregate(
        scope,
        chain[0].start,
        chain[-1].end,
        [AggregationQuery(ask.method, ask.target_field, ask.group_by, starts) for ask in asks],
    )
    rows = dict(zip(asks, answers, strict=True))
    return {query: _value(query, rows, chain[0].start) for query in queries}


def _asks(query: UsageQuery) -> Sequence[_Ask]:
    methods = (query.method,) if query.segment is None else _PARTS.get(query.method, (query.method,))
    return [_Ask(method, query.target_field, _groups(query)) for method in methods]


def _groups(query: UsageQuery) -> tuple[str, ...]:
    return query.segmented_fields if query.segment is not None else ()


def _value(query: UsageQuery, rows: Mapping[_Ask, Sequence[AggregatedRow]], first: datetime) -> Decimal | None:
    values = _values(query, query.method, rows, first)
    if len(values) <= 1:
        return values[0] if values else None
    if query.method == "MEAN":
        total = MERGERS["SUM"](_values(query, "SUM", rows, first))
        return EXACT.divide(total, MERGERS["COUNT"](_values(query, "COUNT", rows, first)))
    if merge := MERGERS.get(query.method):
        return merge(values)
    raise InvalidInputError(
        f"the segment {dict(query.segment or ())} covers several values, whose {query.method} of {query.target_field} "
        "cannot be put together; give each value a segment of its own"
    )


def _values(
    query: UsageQuery, method: str, rows: Mapping[_Ask, Sequence[AggregatedRow]], first: datetime
) -> Sequence[Decimal]:
    """Values of the groups of this query's span that count for its segment."""
    found = rows[_Ask(method, query.target_field, _groups(query))]
    return [
        row.value
        for row in found
        if row.value is not None
        and (row.bucket_start or first) == query.span.start
        and (query.segment is None or _segment(row, query) == query.segment)
    ]


def _segment(row: AggregatedRow, query: UsageQuery) -> Segment | None:
    return segment_of(row.group, query.segments)

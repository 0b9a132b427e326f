"""Read the usage behind the lines of a statement, with as few reads as possible."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from usance.application.ports.usage_log import AggregationQuery, UsageReader, UsageScope
from usance.domain.billing.attached import UsageFilters
from usance.domain.billing.pool import Piece
from usance.domain.billing.pricings import Aggregation, Segment
from usance.domain.billing.segments import Segmentation
from usance.domain.kernel.period import Instants
from usance.domain.metering.aggregation import HELD, check_held
from usance.domain.metering.instants import microseconds
from usance.domain.metering.usage_query import MEAN, UNIQUE, Parts, methods_for
from usance.domain.statements.breakdown import Breakdown, breakdown
from usance.domain.statements.buckets import bucket_starts
from usance.domain.statements.definition import Definition
from usance.domain.statements.line import BilledLine, Metered
from usance.domain.statements.statement import UsageRow, Value, by_segment, usage_rows


@dataclass(frozen=True, slots=True)
class Source:
    """Whose usage a line prices, as a contract filters it."""

    pieces: tuple[Piece, ...]
    filters: UsageFilters = field(default_factory=UsageFilters)


@dataclass(frozen=True, slots=True)
class Priced:
    """What a line prices: how the aggregation counted and whose usage, as the bill was calculated."""

    aggregation: Aggregation
    segment: Segment
    source: Source


@dataclass(frozen=True, slots=True)
class _Read:
    """What several lines ask of the same meter, accounts and span."""

    meter_id: str
    source: Source
    span: Instants


_Measure = tuple[str, str]
_Wanted = tuple[_Measure, tuple[str, ...]]
"""Values of a measure, field and method, by dimensions."""
_Sorted = tuple[_Wanted, Segmentation | None]
"""Such values, sorted out by these segments."""


def usage_of(
    usage: UsageReader,
    org_id: str,
    definition: Definition,
    lines: Sequence[BilledLine],
    sources: Mapping[str, Source],
    zone: tzinfo,
) -> Mapping[str, Sequence[UsageRow]]:
    """The rows of each line, by its id, as `sources` has its usage. Lines of one meter, source and span share one read."""
    reads: dict[_Read, list[tuple[BilledLine, Metered, Breakdown]]] = {}
    for line in lines:
        if line.metered is not None and line.service.start < line.service.end:
            shown = breakdown(definition, line.metered)
            if shown.measures:
                read = _Read(line.metered.meter_id, sources[line.id], line.service)
                reads.setdefault(read, []).append((line, line.metered, shown))
    rows: dict[str, Sequence[UsageRow]] = {}
    for read, asked in reads.items():
        starts = bucket_starts(read.span, definition.frequency, zone)
        wanted = dict.fromkeys(
            (measure, tuple(shown.dimensions)) for _, _, shown in asked for measure in shown.measures
        )
        found = _values(usage, org_id, read, starts, list(wanted))
        sorted_out: dict[_Sorted, Mapping[Segment, Sequence[Value]]] = {}
        for line, metered, shown in asked:
            values: list[tuple[_Measure, Value]] = []
            for measure in shown.measures:
                one = (measure, tuple(shown.dimensions))
                key = (one, metered.segmentation)
                if key not in sorted_out:
                    sorted_out[key] = by_segment(metered, found[one])
                values.extend((measure, value) for value in sorted_out[key].get(metered.segment, ()))
            rows[line.id] = usage_rows(shown, starts, read.span.end, values)
    return rows


def _values(
    usage: UsageReader, org_id: str, read: _Read, starts: Sequence[datetime], wanted: Sequence[_Wanted]
) -> Mapping[_Wanted, Sequence[Value]]:
    """What is wanted, put together of all pieces."""
    if len(read.source.pieces) == 1 and read.source.pieces[0].span == read.span:
        queries = [_query(read, method, code, dimensions, starts) for (code, method), dimensions in wanted]
        scope = UsageScope(org_id, read.meter_id, read.source.pieces[0].account_id)
        answers = usage.aggregate(scope, read.span.start, read.span.end, queries)
        return {
            one: [Value(row.group, row.bucket_start or read.span.start, row.value) for row in rows]
            for one, rows in zip(wanted, answers, strict=True)
        }
    found: dict[_Wanted, dict[tuple[datetime, tuple[str, ...]], Parts]] = {one: {} for one in wanted}
    ends, held = dict(zip(starts, [*starts[1:], read.span.end], strict=True)), 0
    for piece in read.source.pieces:
        inside = [start for start in starts if piece.span.start < start < piece.span.end]
        bucket = max(start for start in starts if start <= piece.span.start)
        asked = list(_queries(read, wanted, [piece.span.start, *inside]))
        scope = UsageScope(org_id, read.meter_id, piece.account_id)
        answers = usage.aggregate(scope, piece.span.start, piece.span.end, [query for _, query in asked])
        for (one, query), rows in zip(asked, answers, strict=True):
            for row in rows:
                if row.value is None:
                    continue
                start = bucket if row.bucket_start in {None, piece.span.start} else row.bucket_start
                key = (start, tuple(row.group[name] for name in one[1]))
                parts = found[one].setdefault(key, Parts(one[0][1]))
                parts.held += row.held
                held += len(row.held)
                check_held(held)
                parts.add(
                    query.method, row.value, row.group.get(one[0][0], ""), row.latest.place if row.latest else None
                )
    return {
        one: [
            Value(dict(zip(one[1], group, strict=True)), start, parts.whole(microseconds(ends[start])))
            for (start, group), parts in found[one].items()
        ]
        for one in wanted
    }


def _queries(
    read: _Read, wanted: Sequence[_Wanted], starts: Sequence[datetime]
) -> Iterator[tuple[_Wanted, AggregationQuery]]:
    for one in wanted:
        (code, method), dimensions = one
        groups = tuple(dict.fromkeys([*dimensions, *([code] if method == UNIQUE else [])]))
        for part in methods_for(method):
            yield one, replace(_query(read, part, code, groups, starts), hold=method in HELD, of_numbers=method == MEAN)


def _query(read: _Read, method: str, code: str, groups: Sequence[str], starts: Sequence[datetime]) -> AggregationQuery:
    where, without = dict(read.source.filters.include), dict(read.source.filters.exclude)
    return AggregationQuery(method, code, groups, starts, where, without=without)

"""Answer the usage queries of a bill with as few reads as possible."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from usance.application.ports.usage_log import (
    AggregatedRow,
    AggregationQuery,
    Repeats,
    UsageReader,
    UsageScope,
)
from usance.domain.billing.attached import UsageFilters
from usance.domain.billing.pool import Piece
from usance.domain.billing.pricings import Segment
from usance.domain.billing.segments import Segmentation
from usance.domain.billing.usage import UsageQuery, UsageValues
from usance.domain.kernel.period import Instants
from usance.domain.metering.aggregation import HELD, check_held
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.evidence import Evidence, together
from usance.domain.metering.instants import microseconds
from usance.domain.metering.usage_query import MEAN, UNIQUE, Parts, methods_for


@dataclass(frozen=True, slots=True)
class _Ask:
    """One aggregation over a chain of spans."""

    method: str
    target_field: str
    group_by: tuple[str, ...]
    sql: CustomSql | None = None
    filters: UsageFilters = field(default_factory=UsageFilters)
    hold: bool = False
    of_numbers: bool = False

    def query(self, starts: Sequence[datetime], *, evidence: bool) -> AggregationQuery:
        """As the log is asked, the span cut at `starts`."""
        where, without = dict(self.filters.include), dict(self.filters.exclude)
        return AggregationQuery(
            self.method,
            self.target_field,
            self.group_by,
            starts,
            where,
            self.sql,
            without,
            evidence,
            self.hold,
            self.of_numbers,
        )


Evidences = MutableMapping[UsageQuery, Evidence]
"""Of which measurements each value was made; no entry where there are none."""
_Place = tuple[datetime, Segment | None]
_Placed = Mapping[_Place, Sequence[AggregatedRow]]
"""By start of the span and segment: the groups that count there."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """Neighbouring spans of one account and meter, read in one go, sorted out once per aggregation."""

    first: datetime
    rows: Mapping[_Ask, Sequence[AggregatedRow]]
    placed: dict[tuple[str, _Ask], _Placed] = field(default_factory=dict)

    def found(self, query: UsageQuery, ask: _Ask, start: datetime) -> Sequence[AggregatedRow]:
        """The groups of `query` in the span from `start`."""
        key = (query.aggregation_id, ask)
        if key not in self.placed:
            self.placed[key] = _placed(self.rows[ask], query, self.first)
        return self.placed[key].get((start, query.segment), ())


CHAIN_MAX: Final = timedelta(days=93)  # what is read at once is held in memory, and tiers may span a plan of years
_Spans = Mapping[tuple[UsageScope, Instants], _Chain]


def read_usage(
    reader: UsageReader,
    org_id: str,
    account_id: str,
    queries: Sequence[UsageQuery],
    repeats: Repeats | None = None,
    evidence: Evidences | None = None,
) -> UsageValues:
    """The value of every query. Spans of an account and meter that follow on each other are read in one go.

    Copies of measurements that do not count are added to `repeats`, and what each value was made of to `evidence`.
    """
    asked: dict[UsageScope, dict[Instants, list[UsageQuery]]] = {}
    for query in queries:
        for piece in _pieces(query, account_id):
            spans = asked.setdefault(UsageScope(org_id, query.meter_id, piece.account_id), {})
            spans.setdefault(piece.span, []).append(query)
    read: dict[tuple[UsageScope, Instants], _Chain] = {}
    held = 0
    for scope, spans in asked.items():
        for chain in _chains(spans):
            inside = [query for span in chain for query in spans[span]]
            found = _read_chain(reader, scope, chain, inside, repeats, evidence=evidence is not None)
            held += sum(row.held_count for rows in found.rows.values() for row in rows)
            check_held(held)
            read |= {(scope, span): found for span in chain}
    values: dict[UsageQuery, Decimal | None] = {}
    for query in queries:
        rows = _rows(query, read, org_id, account_id)
        values[query] = _value(reader, query, rows)
        seen = [row.evidence for row in rows.get(_asks(query)[0].method, ()) if row.evidence]
        if evidence is not None and seen:
            evidence[query] = together(seen)
    return values


def _pieces(query: UsageQuery, account_id: str) -> Sequence[Piece]:
    return (Piece(account_id, query.span),) if query.pieces is None else query.pieces


def _chains(spans: Iterable[Instants]) -> Sequence[Sequence[Instants]]:
    """The spans in runs of neighbours, each ending where the next begins, as long as one read should be."""
    chains: list[list[Instants]] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        chain = next(
            (one for one in chains if one[-1].end == span.start and span.end - one[0].start <= CHAIN_MAX), None
        )
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
    *,
    evidence: bool,
) -> _Chain:
    asks = tuple(dict.fromkeys(ask for query in queries for ask in _asks(query)))
    starts = tuple(span.start for span in chain) if len(chain) > 1 else ()
    answers = reader.aggregate(
        scope, chain[0].start, chain[-1].end, [ask.query(starts, evidence=evidence) for ask in asks], repeats=repeats
    )
    return _Chain(chain[0].start, dict(zip(asks, answers, strict=True)))


def _is_parted(query: UsageQuery) -> bool:
    """Whether its value is put together of parts: of accounts, or of the values that a segment covers."""
    return query.segment is not None or len(query.pieces or ()) > 1


def _asks(query: UsageQuery) -> Sequence[_Ask]:
    """What is to be asked: the method itself, or what its parts must be known by."""
    if not _is_parted(query):
        return [_Ask(query.method, query.target_field, (), query.custom_sql, query.filters)]
    groups = [*(query.segmented_fields if query.segment is not None else ())]
    if query.method == UNIQUE:  # put together text by text
        groups = list(dict.fromkeys([*groups, query.target_field]))
    hold = query.method in HELD or query.custom_sql is not None
    return [
        _Ask(method, query.target_field, tuple(groups), query.custom_sql, query.filters, hold, query.method == MEAN)
        for method in methods_for(query.method)
    ]


def _placed(rows: Sequence[AggregatedRow], query: UsageQuery, first: datetime) -> _Placed:
    """The rows of a query's aggregation by where they count; those that match no segment are left out."""
    segmentation = Segmentation.of(query.segments) if query.segment is not None else None
    placed: dict[_Place, list[AggregatedRow]] = {}
    for row in rows:
        group = {code: row.group[code] for code in query.segmented_fields} if segmentation else {}
        segment = segmentation.segment_of(group) if segmentation else None
        if (row.value is not None or row.measured is not None) and (segment is not None or segmentation is None):
            placed.setdefault((row.bucket_start or first, segment), []).append(row)
    return placed


def _rows(query: UsageQuery, read: _Spans, org_id: str, account_id: str) -> Mapping[str, Sequence[AggregatedRow]]:
    """By method: the rows that count for a query."""
    rows: dict[str, list[AggregatedRow]] = {}
    for piece in _pieces(query, account_id):
        chain = read[UsageScope(org_id, query.meter_id, piece.account_id), piece.span]
        for ask in _asks(query):
            rows.setdefault(ask.method, []).extend(chain.found(query, ask, piece.span.start))
    return rows


def _value(reader: UsageReader, query: UsageQuery, rows: Mapping[str, Sequence[AggregatedRow]]) -> Decimal | None:
    if not any(rows.values()):
        return None
    if not _is_parted(query):
        return rows[query.method][0].value
    if query.custom_sql:
        held = [row.measured for found in rows.values() for row in found if row.measured is not None]
        return reader.answer(query.custom_sql, held)
    parts = Parts(query.method)
    for method, found in rows.items():
        for row in found:
            if row.value is not None:
                text = row.group.get(query.target_field, "")
                parts.add(method, row.value, text, row.latest.place if row.latest else None)
                parts.held += row.held
    return parts.whole(microseconds(query.span.end))

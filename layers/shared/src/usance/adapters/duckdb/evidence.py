"""Which measurements each row of an answer was made of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from usance.adapters.duckdb.usage import Usage
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery
from usance.domain.metering.evidence import Evidence, evidence, fingerprint

_Place = tuple[tuple[str, ...], datetime | None]


class Witness:
    """Adds evidence to rows. Queries that cut the same usage alike share the work."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[Usage, dict[_Place, Evidence]]] = {}

    def testify(self, usage: Usage, query: AggregationQuery, rows: Sequence[AggregatedRow]) -> list[AggregatedRow]:
        """The rows with the evidence of what is in their group and bucket."""
        key = (id(usage), tuple(query.group_by), tuple(query.bucket_starts))
        if key not in self._known:
            self._known[key] = (usage, _found(usage, query))  # the usage is kept, so that its id stays its own
        found = self._known[key][1]
        return [replace(row, evidence=found.get((tuple(row.group.values()), row.bucket_start))) for row in rows]


def _found(usage: Usage, query: AggregationQuery) -> dict[_Place, Evidence]:
    columns = [usage.group(code) for code in query.group_by]
    keys = [column.indexes.tolist() for column in columns]
    if query.bucket_starts:
        keys.append(usage.buckets(query.bucket_starts).tolist())
    places = list(zip(*keys, strict=True)) if keys else [()] * len(usage)
    groups: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
    for place, ts, (received, uid) in zip(places, usage.ts.tolist(), usage.receipts(range(len(usage))), strict=True):
        instants, prints = groups.setdefault(place, ([], []))
        instants.append(ts)
        prints.append(fingerprint(uid, ts, received))
    starts = query.bucket_starts
    return {
        (
            tuple(column.distinct[at] for column, at in zip(columns, place, strict=False)),
            starts[place[-1]] if starts else None,
        ): evidence(*parts)
        for place, parts in groups.items()
    }

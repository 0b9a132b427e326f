"""Which group and bucket each measurement is in, and the rows that answer a query by them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from usance.adapters.duckdb.columns import Indexes
from usance.adapters.duckdb.usage import Usage
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, Moment
from usance.domain.metering.instants import EPOCH


class Grouping:
    """A query's groups and buckets. A key is the position of a text for each of `group_by`, then that of a bucket."""

    def __init__(self, usage: Usage, query: AggregationQuery) -> None:
        self._query = query
        self._groups = [usage.group(code) for code in query.group_by]
        self.keys: list[Indexes] = [group.indexes for group in self._groups]
        if query.bucket_starts:
            self.keys.append(usage.buckets(query.bucket_starts))

    def row(self, key: Sequence[int], value: Decimal | None, count: int, latest: Moment | None = None) -> AggregatedRow:
        """The row of a key."""
        codes, starts = self._query.group_by, self._query.bucket_starts
        texts = {code: group.distinct[at] for code, group, at in zip(codes, self._groups, key, strict=False)}
        return AggregatedRow(texts, starts[key[len(codes)]] if starts else None, value, count, latest)


def in_order(rows: Iterable[AggregatedRow]) -> list[AggregatedRow]:
    """The rows by group and bucket in ascending order."""
    return sorted(rows, key=lambda row: (*row.group.values(), row.bucket_start or EPOCH))

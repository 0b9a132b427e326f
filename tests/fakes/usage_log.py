"""Measurements in memory, aggregated one by one: slow, plain, and what the real log must equal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, UsageBatch, UsageScope
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.aggregation import Observation, aggregate, method_of, refuse_text
from usance.domain.metering.counting import Copy, repeats
from usance.domain.metering.instants import EPOCH, instant_of, microseconds


@dataclass(frozen=True)
class _Row:
    place: tuple[str, str, int]
    received: int
    uid: str
    ts: int
    numbers: dict[str, Decimal | None]
    texts: dict[str, str | None]


@dataclass
class FakeUsageLog:
    """`UsageWriter` and `UsageReader`. `failures` is how many of the next batches are refused, as a busy store does."""

    batches: dict[tuple[UsageScope, str, str], UsageBatch] = field(default_factory=dict)
    failures: int = 0

    def append(self, batches: Sequence[UsageBatch]) -> None:
        for batch in batches:
            if self.failures:
                self.failures -= 1
                raise UnavailableError("the store is busy; repeat the request")
            self.batches.setdefault((batch.scope, batch.month, batch.digest), batch)

    def aggregate(
        self, scope: UsageScope, start: datetime, end: datetime, queries: Sequence[AggregationQuery]
    ) -> Sequence[Sequence[AggregatedRow]]:
        low, high = microseconds(start), microseconds(end)
        rows = [row for row in self._counted(scope) if low <= row.ts < high]
        return [_answer(rows, query) for query in queries]

    def _counted(self, scope: UsageScope) -> list[_Row]:
        rows = [
            _Row(
                (month, f"{instant_of(min(batch.columns.ts)).day:02d}#{digest}", at),
                microseconds(batch.received_at),
                uid,
                batch.columns.ts[at],
                {code: _decimal(column[at]) for code, column in batch.columns.numbers.items()},
                {code: column[at] for code, column in batch.columns.texts.items()},
            )
            for (owner, month, digest), batch in self.batches.items()
            if owner == scope
            for at, uid in enumerate(batch.columns.uids)
        ]
        by_uid: dict[str, list[Copy]] = {}
        for row in rows:
            by_uid.setdefault(row.uid, []).append(Copy(row.received, row.place))
        dropped = {copy for copies in by_uid.values() for copy in repeats(copies)}
        return [row for row in rows if Copy(row.received, row.place) not in dropped]


def _answer(rows: Sequence[_Row], query: AggregationQuery) -> list[AggregatedRow]:
    method, code = method_of(query.method), query.target_field
    if any(code in row.texts for row in rows) and not any(code in row.numbers for row in rows):
        refuse_text(method, code)
    groups: dict[tuple[tuple[str, ...], datetime | None], list[Observation]] = {}
    for row in rows:
        group = tuple(row.texts.get(name) or "" for name in query.group_by)
        bucket = max((edge for edge in query.bucket_starts if microseconds(edge) <= row.ts), default=None)
        value = row.numbers.get(code, row.texts.get(code))
        groups.setdefault((group, bucket), []).append(Observation(value, row.ts, row.received, row.uid))
    return [
        AggregatedRow(dict(zip(query.group_by, group, strict=True)), bucket, aggregate(method, found), len(found))
        for (group, bucket), found in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or EPOCH))
    ]


def _decimal(value: Decimal | int | None) -> Decimal | None:
    return Decimal(value) if isinstance(value, int) else value

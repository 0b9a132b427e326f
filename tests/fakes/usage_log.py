"""Measurements in memory, aggregated one by one: slow, plain, and what the real log must equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import cast

import duckdb

from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import (
    AggregatedRow,
    AggregationQuery,
    HeldMeasurements,
    Measurement,
    Moment,
    Repeat,
    Repeats,
    UsageBatch,
    UsageScope,
)
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.aggregation import OF_ANY_FIELD, Method, Observation, aggregate, method_of, plain
from usance.domain.metering.counting import Copy, repeats
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.evidence import Evidence, evidence, fingerprint
from usance.domain.metering.instants import EPOCH, instant_of, microseconds, months_between


@dataclass(frozen=True)
class _Row:
    place: tuple[str, str, int]
    received: int
    uid: str
    ts: int
    ets: int | None
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

    def scopes(self, org_id: str, start: datetime, end: datetime) -> Sequence[UsageScope]:
        low, high = microseconds(start), microseconds(end)
        months = set(months_between(low, high)) if low < high else set()
        found = {scope for scope, month, _ in self.batches if scope.org_id == org_id and month in months}
        return sorted(found, key=lambda scope: (scope.meter_id, scope.account_id))

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
        rows = sorted(
            (row for row in self._rows(scope, start, end, budget) if _passes(row, where)),
            key=lambda row: (row.received, row.ts, row.uid),
            reverse=True,
        )
        return [_measurement(scope, row) for row in rows[:limit]]

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
        if repeats:
            low, high = microseconds(start), microseconds(end)
            copies = [
                row for row in self._sorted_out(scope)[1] if low <= row.ts < high and row.received >= repeats.since
            ]
            repeats.found += [Repeat(scope, row.uid, row.ts, row.received) for row in copies][: repeats.limit]
        rows = self._rows(scope, start, end, budget)
        answer = {True: _own_answer, False: _answer}
        return [
            answer[query.sql is not None]([row for row in rows if _counts(row, query)], query, end) for query in queries
        ]

    def answer(self, sql: CustomSql, parts: Sequence[HeldMeasurements]) -> Decimal | None:
        return _asked(sql, [row for part in parts for row in cast("list[_Row]", part)])

    def _rows(self, scope: UsageScope, start: datetime, end: datetime, budget: ReadBudget | None) -> list[_Row]:
        low, high = microseconds(start), microseconds(end)
        rows = [row for row in self._counted(scope) if low <= row.ts < high]
        if budget:
            budget.spend(len(rows), len(rows))
        return rows

    def _counted(self, scope: UsageScope) -> list[_Row]:
        return self._sorted_out(scope)[0]

    def _sorted_out(self, scope: UsageScope) -> tuple[list[_Row], list[_Row]]:
        """The measurements that count, and the copies that do not."""
        rows = [
            _Row(
                (month, f"{instant_of(min(batch.columns.ts)).day:02d}#{digest}", at),
                microseconds(batch.received_at),
                uid,
                batch.columns.ts[at],
                batch.columns.ets[at],
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
        kept = [row for row in rows if Copy(row.received, row.place) not in dropped]
        return kept, [row for row in rows if Copy(row.received, row.place) in dropped]


def _answer(rows: Sequence[_Row], query: AggregationQuery, end: datetime) -> list[AggregatedRow]:
    method, code = method_of(query.method), query.target_field
    groups: dict[tuple[tuple[str, ...], datetime | None], list[Observation]] = {}
    for row in rows:
        group = tuple(row.texts.get(name) or "" for name in query.group_by)
        bucket = max((edge for edge in query.bucket_starts if microseconds(edge) <= row.ts), default=None)
        value = row.numbers.get(code, row.texts.get(code) if method in OF_ANY_FIELD and not query.of_numbers else None)
        groups.setdefault((group, bucket), []).append(Observation(value, row.ts, row.received, row.uid))
    return [
        AggregatedRow(
            dict(zip(query.group_by, group, strict=True)),
            bucket,
            aggregate(
                method, found, microseconds(min((e for e in query.bucket_starts if bucket and e > bucket), default=end))
            ),
            len(found),
            _latest(found) if method is Method.LATEST else None,
            _evidence(found) if query.evidence else None,
            [one for one in found if one.value is not None] if query.hold else (),
        )
        for (group, bucket), found in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or EPOCH))
    ]


def _own_answer(rows: Sequence[_Row], query: AggregationQuery, _end: datetime) -> list[AggregatedRow]:
    groups: dict[tuple[tuple[str, ...], datetime | None], list[_Row]] = {}
    for row in rows:
        bucket = max((edge for edge in query.bucket_starts if microseconds(edge) <= row.ts), default=None)
        groups.setdefault((tuple(row.texts.get(name) or "" for name in query.group_by), bucket), []).append(row)
    return [
        AggregatedRow(
            dict(zip(query.group_by, group, strict=True)),
            bucket,
            None if query.hold or query.sql is None else _asked(query.sql, found),
            len(found),
            evidence=_evidence([Observation(None, row.ts, row.received, row.uid) for row in found])
            if query.evidence
            else None,
            measured=found if query.hold else None,
        )
        for (group, bucket), found in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or EPOCH))
    ]


def _asked(sql: CustomSql, rows: Sequence[_Row]) -> Decimal | None:
    """The query over a table of uids and fields: nothing locks it up here."""
    numbers = {code: "DECIMAL(38,6)" for row in rows for code in row.numbers}
    columns = {"uid": "VARCHAR"} | numbers | {code: "VARCHAR" for row in rows for code in row.texts}
    with duckdb.connect(":memory:") as database:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        database.execute(f"CREATE TABLE measurements ({declared})")
        places = ", ".join("?" for _ in columns)
        for row in sorted(rows, key=lambda row: (row.ts, row.received, row.uid)):
            values = {"uid": row.uid, **row.numbers, **row.texts}
            database.execute(f"INSERT INTO measurements VALUES ({places})", [values.get(name) for name in columns])
        found = database.execute(sql.text).fetchone()
    return None if not found or found[0] is None else plain(Decimal(str(found[0])))


def _evidence(found: Sequence[Observation]) -> Evidence:
    return evidence([one.ts for one in found], [fingerprint(one.uid, one.ts, one.received) for one in found])


def _latest(found: Sequence[Observation]) -> Moment | None:
    moments = (Moment(one.ts, one.received, one.uid) for one in found if one.value is not None)
    return max(moments, default=None)


def _passes(row: _Row, where: Mapping[str, Sequence[str]]) -> bool:
    return all((row.texts.get(code) or "") in values for code, values in where.items())


def _counts(row: _Row, query: AggregationQuery) -> bool:
    unwanted = any((row.texts.get(code) or "") in values for code, values in query.without.items())
    return not unwanted and _passes(row, query.where)


def _measurement(scope: UsageScope, row: _Row) -> Measurement:
    numbers = {code: plain(value) for code, value in row.numbers.items() if value is not None}
    texts = {code: value for code, value in row.texts.items() if value is not None}
    return Measurement(scope, row.uid, row.ts, row.ets, row.received, numbers, texts)


def _decimal(value: Decimal | int | None) -> Decimal | None:
    return Decimal(value) if isinstance(value, int) else value

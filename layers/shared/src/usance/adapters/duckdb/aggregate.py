"""Aggregations over packed measurements by DuckDB: whole numbers in, exact decimals out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, assert_never

import duckdb
import numpy as np

from usance.adapters.duckdb.columns import Column, ExactColumn, Indexes, Integers, ScaledColumn, TextColumn, number
from usance.adapters.duckdb.evidence import Witness
from usance.adapters.duckdb.grouping import Grouping, in_order
from usance.adapters.duckdb.stored import Stored
from usance.adapters.duckdb.usage import Usage
from usance.adapters.packing import NO_VALUE
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery, Moment, Repeats, UsageScope
from usance.domain.kernel.quantity import ZERO
from usance.domain.metering.aggregation import (
    OF_ANY_FIELD,
    PERCENTILES,
    Method,
    Observation,
    aggregate,
    check_held,
    mean,
    method_of,
    plain,
)
from usance.domain.metering.instants import microseconds

_FUNCTIONS: Final[Mapping[Method, str]] = {  # TIME_WEIGHTED_SUM goes from one to the next
    Method.SUM: "sum(v)",
    Method.MIN: "min(v)",
    Method.MAX: "max(v)",
    Method.MEAN: "sum(v)",  # divided in decimals
    Method.COUNT: "count(*)",
    Method.UNIQUE: "count(DISTINCT v)",
    Method.LATEST: "max(t)",  # then the row of that instant
    **{method: f"quantile_disc(v, {percent / 100})" for method, percent in PERCENTILES.items()},
}
_IN_ORDER: Final = frozenset({Method.LATEST, Method.TIME_WEIGHTED_SUM})
_NO_TEXT: Final = -1

_Key = tuple[int, ...]
_Values = Mapping[_Key, tuple[Decimal | None, int, Moment | None]]


def aggregated(
    stored: Stored,
    start: datetime,
    end: datetime,
    queries: Sequence[AggregationQuery],
    told: tuple[UsageScope, Repeats] | None = None,
) -> list[list[AggregatedRow]]:
    """Per query its rows, of the measurements in `[start, end)` that count (see `UsageReader`).

    With `told`, whose usage it is, and what is to know of copies.
    """
    for query in queries:
        if not query.sql:
            method_of(query.method)
    if not stored.items:
        return [[] for _ in queries]
    usage = Usage(stored, start, end)
    if told:
        scope, repeats = told
        repeats.found += usage.repeats(scope, repeats.since, repeats.limit - len(repeats.found))
    narrowed: dict[object, Usage] = {}
    witness = Witness()
    return [_rows(_narrowed(usage, query, narrowed), query, witness) for query in queries]


def _narrowed(usage: Usage, query: AggregationQuery, known: dict[object, Usage]) -> Usage:
    """The measurements that the query's filters keep, found once for queries with the same."""
    if not query.where and not query.without:
        return usage
    key = tuple(tuple((code, *texts) for code, texts in one.items()) for one in (query.where, query.without))
    if key not in known:
        known[key] = usage.where(query.where, query.without)
    return known[key]


def _rows(usage: Usage, query: AggregationQuery, witness: Witness) -> list[AggregatedRow]:
    rows = _answer(usage, query)
    return witness.testify(usage, query, rows) if query.evidence else rows


def _answer(usage: Usage, query: AggregationQuery) -> list[AggregatedRow]:
    if query.sql:
        from usance.adapters.duckdb.custom_sql import custom_rows  # few aggregations have one

        return custom_rows(usage, query, query.sql)
    method = method_of(query.method)
    grouping = Grouping(usage, query)
    untils = [*(microseconds(start) for start in query.bucket_starts[1:]), usage.end]
    if query.hold and len(usage):
        return _holding(usage, method, query.target_field, grouping, untils)
    if query.of_numbers and len(usage):
        column = usage.values(query.target_field)
        numbers = ExactColumn(_decimals(column, len(usage))) if isinstance(column, TextColumn) else column
        found = _of_column(usage, method, numbers, grouping.keys, untils)
    else:
        found = _values(usage, method, query.target_field, grouping.keys, untils)
    return in_order(grouping.row(key, *values) for key, values in found.items())


def _holding(usage: Usage, method: Method, code: str, grouping: Grouping, untils: Sequence[int]) -> list[AggregatedRow]:
    check_held(len(usage))
    values = _decimals(usage.values(code), len(usage))
    groups = _observations(usage, values, grouping.keys, usage.receipts(range(len(usage))))
    return in_order(
        replace(
            grouping.row(key, aggregate(method, found, _until(key, untils)), len(found)),
            held=[one for one in found if one.value is not None],
        )
        for key, found in groups.items()
    )


def _values(usage: Usage, method: Method, code: str, keys: Sequence[Indexes], untils: Sequence[int]) -> _Values:
    """`untils` are the ends of the buckets, of which the last key is the position, or the one end of all."""
    if not len(usage):
        return {}
    if method not in OF_ANY_FIELD:
        return _of_column(usage, method, usage.values(code), keys, untils)
    first, *beside = (_of_column(usage, method, column, keys, untils) for column in usage.columns(code))
    return {
        key: (sum((other[key][0] or ZERO for other in beside), value or ZERO), count, None)
        for key, (value, count, _) in first.items()
    }


def _of_column(usage: Usage, method: Method, column: Column, keys: Sequence[Indexes], untils: Sequence[int]) -> _Values:
    match column:
        case ScaledColumn() if method is Method.TIME_WEIGHTED_SUM:
            return _counted_in_decimals(usage, method, column.decimals(), keys, untils)
        case ScaledColumn():
            return _counted_in_wholes(usage, method, column.values, NO_VALUE, column.places, keys)
        case TextColumn() if method in OF_ANY_FIELD:
            return _counted_in_wholes(usage, method, column.indexes, _NO_TEXT, 0, keys)
        case TextColumn() | ExactColumn():
            return _counted_in_decimals(usage, method, _decimals(column, len(usage)), keys, untils)
        case _:
            assert_never(column)


def _decimals(column: Column, count: int) -> Sequence[Decimal | None]:
    """The numbers of `count` measurements. Texts are none: the field was one of texts when they were received."""
    match column:
        case ScaledColumn():
            return column.decimals()
        case ExactColumn():
            return column.values
        case TextColumn():
            return [None] * count
        case _:
            assert_never(column)


def _counted_in_wholes(
    usage: Usage, method: Method, values: Integers | Indexes, absent: int, places: int, keys: Sequence[Indexes]
) -> _Values:
    columns: dict[str, Any] = {"v": values, "t": usage.ts} | {f"k{at}": key for at, key in enumerate(keys)}
    names = "".join(f", k{at}" for at in range(len(keys)))
    grouped = (
        f"SELECT count(*) AS n, count(*) FILTER (v <> {absent}) AS present, "  # noqa: S608 - every part is our own
        f"{_FUNCTIONS[method]} FILTER (v <> {absent}) AS value{names} FROM measurements {'GROUP BY ALL' if keys else ''}"
    )
    with _connection().cursor() as cursor:
        cursor.register("measurements", columns)
        found = cursor.execute(grouped).fetchall()
    if method is not Method.LATEST:
        return {tuple(key): (_decimal(method, value, present, places), n, None) for n, present, value, *key in found}
    latest = _latest(usage, columns, grouped, absent, len(keys))
    answers: dict[_Key, tuple[Decimal | None, int, Moment | None]] = {}
    for n, present, _, *key in found:
        row, moment = latest[tuple(key)] if present else (0, None)
        answers[tuple(key)] = (plain(number(int(values[row]), places)) if present else None, n, moment)
    return answers


def _latest(
    usage: Usage, columns: dict[str, Any], grouped: str, absent: int, keys: int
) -> dict[_Key, tuple[int, Moment]]:
    """Per group the row of its latest value, and its moment."""
    names = "".join(f", m.k{at}" for at in range(keys))
    joined = "".join(f" AND m.k{at} = g.k{at}" for at in range(keys))
    with _connection().cursor() as cursor:
        cursor.register("measurements", {"r": np.arange(len(usage))} | columns)
        found = cursor.execute(
            f"WITH g AS ({grouped}) SELECT m.r{names} FROM measurements AS m "  # noqa: S608 - every part is our own
            f"JOIN g ON m.t = g.value{joined} WHERE m.v <> {absent}"
        ).fetchall()
    rows: dict[_Key, list[int]] = {}
    for row, *key in found:
        rows.setdefault(tuple(key), []).append(row)
    asked = [row for group in rows.values() for row in group]
    receipts = dict(zip(asked, usage.receipts(asked), strict=True))
    moments = {row: Moment(int(usage.ts[row]), *receipts[row]) for row in asked}
    latest = {key: max(group, key=lambda row: (moments[row], row)) for key, group in rows.items()}
    return {key: (row, moments[row]) for key, row in latest.items()}


def _counted_in_decimals(
    usage: Usage,
    method: Method,
    values: Sequence[Decimal | None],
    keys: Sequence[Indexes],
    untils: Sequence[int],
) -> _Values:
    """The slow way, for numbers that fit no common scale of 64 bits, and for what follows from one to the next."""
    receipts = usage.receipts(range(len(usage))) if method in _IN_ORDER else [(0, "")] * len(usage)
    groups = _observations(usage, values, keys, receipts)
    return {
        key: (
            aggregate(method, observations, _until(key, untils)),
            len(observations),
            latest_of(observations) if method is Method.LATEST else None,
        )
        for key, observations in groups.items()
    }


def _observations(
    usage: Usage, values: Sequence[Decimal | None], keys: Sequence[Indexes], receipts: Sequence[tuple[int, str]]
) -> Mapping[_Key, Sequence[Observation]]:
    groups: dict[_Key, list[Observation]] = {}
    rows = zip(values, usage.ts.tolist(), receipts, *(key.tolist() for key in keys), strict=True)
    for value, ts, (received, uid), *key in rows:
        groups.setdefault(tuple(key), []).append(Observation(value, ts, received, uid))
    return groups


def _until(key: _Key, untils: Sequence[int]) -> int:
    return untils[key[-1]] if len(untils) > 1 else untils[0]


def latest_of(observations: Sequence[Observation]) -> Moment | None:
    """The moment of the latest value, None when there is no value."""
    moments = (Moment(one.ts, one.received, one.uid) for one in observations if one.value is not None)
    return max(moments, default=None)


def _decimal(method: Method, value: int | None, present: int, places: int) -> Decimal | None:
    if method in OF_ANY_FIELD:
        return Decimal(value or 0)
    if value is None:
        return None
    exact = number(value, places)
    return mean(exact, present) if method is Method.MEAN else plain(exact)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One in-memory database per process; each query uses a cursor of its own."""
    return duckdb.connect(":memory:")

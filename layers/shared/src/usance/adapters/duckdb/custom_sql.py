"""Values that a query of the customer's own computes of measurements, in a process that reaches nothing else.

The query sees one table, `measurements`: `uid`, `ts`, `ets`, `receivedAt` (TIMESTAMP in UTC) and a column per field, DECIMAL for
numbers and VARCHAR for texts, with the measurements of one group that count, in the order of `ts`, receipt and uid. It has a
database of its own without files, network, extensions or settings, a bounded memory and a bounded processor time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import numpy as np

from usance.adapters.duckdb.columns import ExactColumn, Indexes, Integers, ScaledColumn, TextColumn
from usance.adapters.duckdb.grouping import Grouping, in_order
from usance.adapters.duckdb.names import quoted
from usance.adapters.duckdb.sql_process import sql_process
from usance.adapters.duckdb.usage import Usage
from usance.adapters.packing import NO_VALUE, PLACES_MAX
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.aggregation import check_held, plain
from usance.domain.metering.custom_sql import CustomSql

GROUPS_MAX: Final = 1_000  # the most segments an aggregation has
OWN: Final[Mapping[str, str]] = {"uid": "VARCHAR", "ts": "TIMESTAMP", "ets": "TIMESTAMP", "receivedAt": "TIMESTAMP"}
DIGITS_MAX: Final = 38
MEGABYTE: Final = 1_000_000
CHUNK_ROWS: Final = 50_000  # handed over at a time


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one query: `seconds` of processor time. Its process maps 270 MB when it does nothing, so `process_mb` is that, the database, and some room."""

    seconds: float
    database_mb: int
    process_mb: int


LIMITS: Final = Limits(seconds=10.0, database_mb=512, process_mb=1_024)
TRIAL: Final = Limits(seconds=5.0, database_mb=128, process_mb=512)  # nothing is there to read when a query is tried


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of `measurements`: how it is declared, what is sent of it, and how that is read."""

    name: str
    type: str
    expression: str
    values: Any = None  # an array, or nothing to send

    @property
    def declared(self) -> str:
        return f"{quoted(self.name)} {self.type}"


def custom_rows(usage: Usage, query: AggregationQuery, sql: CustomSql) -> list[AggregatedRow]:
    """A row per group of the query, with the value that its SQL answers. `InvalidInputError` when it answers none.

    Rows that hold have their measurements instead, for `answered` to put together.
    """
    grouping = Grouping(usage, query)
    if query.hold:
        check_held(len(usage))
        held = _parts(usage, grouping.keys)
        return in_order(replace(grouping.row(key, None, len(part)), measured=part) for key, part in held)
    parts = _parts(usage, grouping.keys, sql)
    return in_order(grouping.row(key, answered([part], sql), len(part)) for key, part in parts)


def answered(parts: Sequence[Usage], sql: CustomSql) -> Decimal | None:
    """The one value that a query answers over all parts; None for NULL.

    `InvalidInputError` says what is wrong with the query.
    """
    usage = parts[0] if len(parts) == 1 else Usage.together(parts)
    rows = list(range(len(usage)))
    uids = [uid for _, uid in usage.receipts(rows)]
    order = np.lexsort((np.array([uid.encode() for uid in uids], dtype=np.bytes_), usage.received(), usage.ts))
    columns = [*_own_columns(usage, np.array(uids, dtype=object)), *_field_columns(usage, sql)]
    return _number(_asked(columns, order, sql, LIMITS, trial=False), sql)


def try_out(sql: CustomSql) -> None:
    """Refuse a query that cannot be answered: it runs once, over no measurements."""
    columns = [_Column(name, kind, "NULL") for name, kind in OWN.items()]
    missing = _missing_columns({column.name.lower() for column in columns}, sql)
    _asked([*columns, *missing], np.empty(0, dtype=np.int64), sql, TRIAL, trial=True)


def _asked(columns: list[_Column], order: Integers, sql: CustomSql, limits: Limits, *, trial: bool) -> str | None:
    request = {
        "sql": sql.text,
        "columns": [column.declared for column in columns],
        "expressions": [column.expression for column in columns],
        "names": [column.name.lower() for column in columns],
        "memory": f"{limits.database_mb}MB",
        "addresses": limits.process_mb * MEGABYTE,
        "trial": trial,
    }
    sent = {f"c{at}": column.values for at, column in enumerate(columns) if column.values is not None}
    chunks = ({name: values[part] for name, values in sent.items()} for part in _chunked(order))
    said = sql_process().answer(request, chunks, limits.seconds)
    match said:
        case {"limit": "time"}:
            raise _refusal(sql, f"it takes more than {limits.seconds:g} seconds of processor time; ask for less")
        case {"limit": _}:
            raise _refusal(
                sql,
                f"it needs more memory than {limits.database_mb} MB; ask for less, or of fewer measurements at once",
            )
        case {"refused": reason}:
            raise _refusal(sql, reason)
        case _:
            value: str | None = said["value"]
            return value


def _refusal(sql: CustomSql, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"customSql{f' of the aggregation {sql.aggregation}' if sql.aggregation else ''}: {reason}"
    )


def _chunked(order: Integers) -> Iterator[Integers]:
    for start in range(0, order.size, CHUNK_ROWS):
        yield order[start : start + CHUNK_ROWS]


def _parts(usage: Usage, keys: list[Indexes], sql: CustomSql | None = None) -> Iterator[tuple[tuple[int, ...], Usage]]:
    """The measurements of each group, of so many groups as `sql` may be run for."""
    if not len(usage):
        return
    if not keys:
        yield (), usage
        return
    distinct, places = np.unique(np.stack(keys), axis=1, return_inverse=True)
    if sql and distinct.shape[1] > GROUPS_MAX:
        raise _refusal(sql, f"there are more than {GROUPS_MAX} groups to compute")
    by_group = np.argsort(places.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(places.ravel()))[:-1]
    for at, rows in enumerate(np.split(by_group, ends)):
        yield tuple(distinct[:, at].tolist()), usage.only(rows)


def _own_columns(usage: Usage, uids: Any) -> Iterator[_Column]:
    yield _Column("uid", OWN["uid"], "c0", uids)
    yield _Column("ts", OWN["ts"], "make_timestamp(c1)", usage.ts)
    yield _Column("ets", OWN["ets"], f"CASE WHEN c2 <> {NO_VALUE} THEN make_timestamp(c2) END", usage.ets())
    yield _Column("receivedAt", OWN["receivedAt"], "make_timestamp(c3)", usage.received())


def _field_columns(usage: Usage, sql: CustomSql) -> Iterator[_Column]:
    """The fields. One that is called like a column of ours, or like another but for its case, is left out."""
    taken = {name.lower() for name in OWN}
    for code in usage.codes():
        if code.lower() not in taken:
            yield _column(usage, code, f"c{len(taken)}", sql)
            taken.add(code.lower())
    yield from _missing_columns(taken, sql)


def _missing_columns(taken: set[str], sql: CustomSql) -> Iterator[_Column]:
    """The fields of the meter that no measurement has."""
    kinds = [(sql.numbers, "DECIMAL(18,0)"), (sql.texts, "VARCHAR")]
    for code, kind in ((code, kind) for codes, kind in kinds for code in codes):
        if code.lower() not in taken:
            taken.add(code.lower())
            yield _Column(code, kind, "NULL")


def _column(usage: Usage, code: str, sent: str, sql: CustomSql) -> _Column:
    """A field, whose values are sent as `sent`."""
    match usage.values(code):
        case ScaledColumn() as scaled:
            places = scaled.places
            unit = f"CAST('{Decimal(1).scaleb(-places):f}' AS DECIMAL({places + 1},{places}))"
            exact = f"CAST({sent} AS DECIMAL(19,0)) * {unit}" if places else f"CAST({sent} AS DECIMAL(38,0))"
            kind = f"DECIMAL({20 + places},{places})" if places else "DECIMAL(38,0)"
            return _Column(code, kind, f"CASE WHEN {sent} <> {NO_VALUE} THEN {exact} END", scaled.values)
        case TextColumn() as texts:
            values = [None if at < 0 else texts.distinct[at] for at in texts.indexes.tolist()]
            return _Column(code, "VARCHAR", f"CAST({sent} AS VARCHAR)", np.array(values, dtype=object))
        case ExactColumn() as exact_column:
            places = max((_places(value) for value in exact_column.values if value is not None), default=0)
            if places > PLACES_MAX or any(_digits(value, places) > DIGITS_MAX for value in exact_column.values):
                raise _refusal(sql, f"the numbers of {code} have too many digits for a query")
            written = [None if value is None else f"{value:f}" for value in exact_column.values]
            kind = f"DECIMAL({DIGITS_MAX},{places})"
            return _Column(code, kind, f"CAST({sent} AS {kind})", np.array(written, dtype=object))


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _digits(value: Decimal | None, places: int) -> int:
    return 0 if not value else max(value.adjusted() + 1, 0) + places


def _number(text: str | None, sql: CustomSql) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation as no_number:
        raise _refusal(sql, "it answers no number") from no_number
    if not number.is_finite():
        raise _refusal(sql, "it answers no finite number")
    if number and number.adjusted() >= DIGITS_MAX:
        raise _refusal(sql, f"it answers a number of more than {DIGITS_MAX} digits")
    return plain(number)

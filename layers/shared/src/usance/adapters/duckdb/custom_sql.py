"""Values that a query of the customer's own computes of measurements, in a database that reaches nothing else.

The query sees one table, `measurements`: `uid`, `ts`, `ets`, `receivedAt` (TIMESTAMP in UTC) and a column per field, DECIMAL for
numbers and VARCHAR for texts, with the measurements of one group that count. It has a database of its own without files, network,
extensions or settings, a bounded memory and a bounded time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from threading import Timer
from typing import Any, Final

import duckdb
import numpy as np

from usance.adapters.duckdb.columns import ExactColumn, Indexes, ScaledColumn, TextColumn
from usance.adapters.duckdb.grouping import Grouping, in_order
from usance.adapters.duckdb.names import quoted
from usance.adapters.duckdb.usage import Usage
from usance.adapters.packing import NO_VALUE, PLACES_MAX
from usance.application.ports.usage_log import AggregatedRow, AggregationQuery
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.aggregation import plain

SECONDS_MAX: Final = 10.0
MEMORY: Final = "512MB"
GROUPS_MAX: Final = 1_000  # the most segments an aggregation has
OWN: Final = frozenset({"uid", "ts", "ets", "receivedat"})
DIGITS_MAX: Final = 38

# Read before anything else runs, and then locked: a query cannot change them.
_SETTINGS: Final[dict[str, Any]] = {
    "memory_limit": MEMORY,
    "threads": 1,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "max_temp_directory_size": "0KB",
}


def custom_rows(usage: Usage, query: AggregationQuery) -> list[AggregatedRow]:
    """A row per group of the query, with the value that its SQL answers. `InvalidInputError` when it answers none."""
    grouping = Grouping(usage, query)
    parts = _parts(usage, grouping.keys)
    return in_order(grouping.row(key, answered(part, query.sql), len(part)) for key, part in parts)


def answered(usage: Usage, sql: str) -> Decimal | None:
    """The one value that a query answers; None for NULL. `InvalidInputError` says what is wrong with the query."""
    with duckdb.connect(":memory:", config=_SETTINGS) as connection:
        _fill(connection, usage)
        connection.execute("SET lock_configuration = true")
        statement = _only_select(connection, sql)
        with _bounded(connection):
            try:
                found = connection.execute(statement).fetchmany(2)
            except duckdb.InterruptException as late:
                raise InvalidInputError(f"customSql: the query takes more than {SECONDS_MAX:g} seconds") from late
            except duckdb.Error as refused:
                raise InvalidInputError(f"customSql: {_reason(refused)}") from refused
    if len(found) != 1 or len(found[0]) != 1:
        raise InvalidInputError("customSql: the query must answer one row with one column")
    return _number(found[0][0])


def _parts(usage: Usage, keys: list[Indexes]) -> Iterator[tuple[tuple[int, ...], Usage]]:
    if not len(usage):
        return
    if not keys:
        yield (), usage
        return
    distinct, places = np.unique(np.stack(keys), axis=1, return_inverse=True)
    if distinct.shape[1] > GROUPS_MAX:
        raise InvalidInputError(f"customSql: there are more than {GROUPS_MAX} groups to compute")
    for at in range(distinct.shape[1]):
        yield tuple(distinct[:, at].tolist()), usage.only(places.ravel() == at)


def _fill(connection: duckdb.DuckDBPyConnection, usage: Usage) -> None:
    """Make the table. A field that is called like a column of ours is left out."""
    rows = list(range(len(usage)))
    data: dict[str, Any] = {
        "uid": np.array([uid for _, uid in usage.receipts(rows)], dtype=object),
        "ts": usage.ts,
        "ets": usage.ets(),
        "received": usage.received(),
    }
    columns = [
        "uid",
        "make_timestamp(ts) AS ts",
        f"CASE WHEN ets <> {NO_VALUE} THEN make_timestamp(ets) END AS ets",
        'make_timestamp(received) AS "receivedAt"',
    ]
    taken = set(OWN)
    for at, code in enumerate(usage.codes()):
        if code.lower() in taken:
            continue
        taken.add(code.lower())
        data[f"c{at}"], expression = _column(usage, code, f"c{at}")
        columns.append(f"{expression} AS {quoted(code)}")
    connection.register("sent", data)
    connection.execute(f"CREATE TABLE measurements AS SELECT {', '.join(columns)} FROM sent")  # noqa: S608 - quoted
    connection.unregister("sent")


def _column(usage: Usage, code: str, name: str) -> tuple[Any, str]:
    """The values of a field as an array called `name`, and the expression of its column."""
    match usage.values(code):
        case ScaledColumn() as scaled:
            unit = f"CAST('{Decimal(1).scaleb(-scaled.places):f}' AS DECIMAL({scaled.places + 1},{scaled.places}))"
            exact = f"CAST({name} AS DECIMAL(19,0)) * {unit}" if scaled.places else f"CAST({name} AS DECIMAL(38,0))"
            return scaled.values, f"CASE WHEN {name} <> {NO_VALUE} THEN {exact} END"
        case TextColumn() as texts:
            values = [None if at < 0 else texts.distinct[at] for at in texts.indexes.tolist()]
            return np.array(values, dtype=object), name
        case ExactColumn() as exact_column:
            places = max((_places(value) for value in exact_column.values if value is not None), default=0)
            if places > PLACES_MAX or any(_digits(value, places) > DIGITS_MAX for value in exact_column.values):
                raise InvalidInputError(f"customSql: the numbers of {code} have too many digits for a query")
            written = [None if value is None else f"{value:f}" for value in exact_column.values]
            return np.array(written, dtype=object), f"CAST({name} AS DECIMAL({DIGITS_MAX},{places}))"


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _digits(value: Decimal | None, places: int) -> int:
    return 0 if not value else max(value.adjusted() + 1, 0) + places


def _only_select(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as refused:
        raise InvalidInputError(f"customSql: {_reason(refused)}") from refused
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InvalidInputError("customSql must be one SELECT over measurements")
    return statements[0]


@contextmanager
def _bounded(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    timer = Timer(SECONDS_MAX, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _number(value: Any) -> Decimal | None:
    """An exact number stays; one that the query made inexact (DOUBLE) is the shortest decimal that reads as it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InvalidInputError(f"customSql: the query answers a {type(value).__name__}, not a number")
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation as no_number:
        raise InvalidInputError("customSql: the query answers no number") from no_number
    if not number.is_finite():
        raise InvalidInputError("customSql: the query answers no finite number")
    if number and number.adjusted() >= DIGITS_MAX:
        raise InvalidInputError(f"customSql: the query answers a number of more than {DIGITS_MAX} digits")
    return plain(number)


def _reason(refused: duckdb.Error) -> str:
    return str(refused).splitlines()[0][:300]

"""What the process that runs customers' queries does with a request: `sql_process` starts it, and `child_loop` is how it runs.

A request is a pickled dictionary, pickled chunks of columns, and a pickled None. The answer is one line when the measurements
are read in and one with the value as text, or one with what is wrong.
"""

import pickle
import resource
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, Final

import duckdb
import numpy as np  # noqa: F401 - columns are unpickled with it: imported once, before forks

from usance.adapters.child_loop import limit, limit_processor, say, serve
from usance.adapters.duckdb.sql_rules import RefusedError, select_of

VALUE_MAX: Final = 400  # characters; a number has 38 digits, and a DOUBLE 24 characters
REASON_MAX: Final = 600
_NUMBERS: Final = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
    | {"FLOAT", "DOUBLE", "DECIMAL", "BIGNUM"}
)

# Read before anything else runs, and then locked: a query cannot change them.
_SETTINGS: Final[Mapping[str, Any]] = {
    "threads": 1,
    "async_threads": 1,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",  # nothing spills to disk
}


def _answer(requests: IO[bytes]) -> None:
    request = pickle.load(requests)  # noqa: S301 - our own parent wrote it
    limit(
        resource.RLIMIT_AS, request["addresses"]
    )  # holds inside one function too, where the database's limit does not
    connection = duckdb.connect(":memory:", config={**_SETTINGS, "memory_limit": request["memory"]})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE TABLE measurements ({', '.join(request['columns'])})")
    while (chunk := pickle.load(requests)) is not None:  # noqa: S301
        connection.register("sent", chunk)
        connection.execute(f"INSERT INTO measurements SELECT {', '.join(request['expressions'])} FROM sent")  # noqa: S608 - our own names
        connection.unregister("sent")
    connection.execute("SET lock_configuration = true")
    limit_processor(request["seconds"])
    say({"ready": True})
    say(_result(connection, request))


def _result(connection: duckdb.DuckDBPyConnection, request: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return {"value": _value(connection, request)}
    except (duckdb.OutOfMemoryException, MemoryError):
        return {"limit": "memory"}
    except RecursionError:
        return {"refused": "it is nested too deeply"}
    except RefusedError as refused:
        return {"refused": str(refused)[:REASON_MAX]}
    except duckdb.Error as failed:
        return {"refused": str(failed).partition("\n")[0][:REASON_MAX]}


def _value(connection: duckdb.DuckDBPyConnection, request: Mapping[str, Any]) -> str | None:
    statement = select_of(connection, request["sql"], request["names"])
    found = connection.execute(statement)
    [*kinds] = [str(column[1]).partition("(")[0] for column in found.description or ()]
    if len(kinds) != 1:
        raise RefusedError(f"it must answer one row with one column, and answers {len(kinds)} columns")
    if kinds[0] not in _NUMBERS:
        raise RefusedError(f"it must answer a number, and answers a {kinds[0]}")
    rows = found.fetchmany(2)
    if request["trial"]:
        return None
    if len(rows) != 1:
        raise RefusedError(f"it must answer one row with one column, and answers {'more' if rows else 'no'} rows")
    return None if rows[0][0] is None else _text(rows[0][0])


def _text(value: float | Decimal) -> str:
    """An exact number stays; one that the query made inexact (DOUBLE) is the shortest decimal that reads as it."""
    text = repr(value) if isinstance(value, float) else str(value)
    if len(text) > VALUE_MAX:
        raise RefusedError("it answers a number of more digits than a quantity has")
    return text


if __name__ == "__main__":
    sys.setrecursionlimit(2_000)
    serve(_answer)

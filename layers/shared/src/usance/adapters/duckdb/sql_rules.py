"""Which of a customer's queries are answered: one SELECT over `measurements` that answers the same whenever it is asked."""

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

import duckdb


class RefusedError(Exception):
    """The query is not answered; the message says why, and how to change it."""


TABLE: Final = "measurements"
TABLE_FUNCTIONS: Final = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}
)
CHANGING: Final = frozenset(
    {
        *("ago", "current_date", "current_localtime", "current_localtimestamp", "current_time", "current_timestamp"),
        *("get_current_time", "get_current_timestamp", "localtime", "localtimestamp", "now", "today"),
        *("transaction_timestamp", "pg_conf_load_time", "pg_postmaster_start_time"),
        *("gen_random_uuid", "random", "reservoir_quantile", "setseed", "uuid", "uuidv4", "uuidv7"),
        *("current_catalog", "current_connection_id", "current_database", "current_query", "current_query_id"),
        *("current_schema", "current_schemas", "current_setting", "current_transaction_id", "txid_current"),
        *("currval", "getvariable", "in_search_path", "nextval", "setval", "stats", "vector_type", "version"),
        *("pg_sleep", "sleep_ms", "write_log"),
        *("format_type", "get_block_size", "pg_get_constraintdef", "pg_get_viewdef"),
    }
)
"""Functions whose answer depends on when, or by what, they are asked. A test compares them with what DuckDB says of its own."""
_WORDS: Final = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
"""Those of them that need no brackets."""
_SINCE_TODAY: Final = "age"  # of one instant it counts from today; the database says that it always answers the same


def select_of(connection: duckdb.DuckDBPyConnection, sql: str, columns: Collection[str]) -> Any:
    """The statement to execute. `columns` are the names of `measurements`, in lower case."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise RefusedError("it must be one SELECT over measurements")
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        raise RefusedError(f"it must be one plain SELECT over measurements ({tree.get('error_message', 'unreadable')})")
    nodes = list(_nodes(tree))
    known = {TABLE, *(name for node in nodes for name in _named(node))}
    for node in nodes:
        _check(node, known, columns)
    return statements[0]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _named(node: dict[str, Any]) -> Iterator[str]:
    """The queries that WITH gives a name."""
    named = node.get("cte_map")
    if isinstance(named, dict):
        yield from (entry["key"].lower() for entry in named["map"])


def _check(node: dict[str, Any], tables: Collection[str], columns: Collection[str]) -> None:
    if node.get("sample"):
        raise RefusedError("a sample differs each time, and a bill must be calculated again to the same amount")
    if name := str(node.get("function_name") or "").lower():
        _check_function(name, node)
    match node.get("type"):
        case "COLUMN_REF":
            _check_word(".".join(node["column_names"]).lower(), columns)
        case "TABLE_FUNCTION":
            _check_table_function(str(node["function"].get("function_name", "")).lower())
        case "BASE_TABLE":
            place = [name for name in (node["catalog_name"], node["schema_name"]) if name]
            if node["table_name"].lower() not in tables or place:
                qualified = ".".join([*place, node["table_name"]])
                raise RefusedError(f"it reads from {qualified}; the only table is measurements, without a schema")
        case "SHOW_REF":
            raise RefusedError("it must not describe or show; the only table is measurements")
        case _:
            pass


def _check_function(name: str, node: dict[str, Any]) -> None:
    if name in CHANGING:
        raise RefusedError(_changing(f"{name}()"))
    if name == _SINCE_TODAY and len(node["arguments"]) < 2:  # noqa: PLR2004 - ts.age() is written without any
        raise RefusedError(_changing(f"{name}() of one instant"))


def _check_word(word: str, columns: Collection[str]) -> None:
    if word in _WORDS and word not in columns:
        raise RefusedError(_changing(word))


def _check_table_function(name: str) -> None:
    if name not in TABLE_FUNCTIONS:
        allowed = ", ".join(sorted(TABLE_FUNCTIONS))
        raise RefusedError(f"it reads from {name}(); of table functions it may use {allowed}")


def _changing(name: str) -> str:
    return (
        f"{name} answers differently each time, and a bill must be calculated again to the same amount; "
        "use what the measurements say, such as max(ts)"
    )

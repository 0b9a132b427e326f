"""Kinds of files of an export, and what they hold as text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from usance.resources import wire

CSV: Final = "CSV"
JSONL: Final = "JSONL"
PARQUET: Final = "PARQUET"
ENDINGS: Final[Mapping[str, str]] = {CSV: "csv.gz", JSONL: "jsonl.gz", PARQUET: "parquet"}
TYPES: Final[Mapping[str, str]] = {
    CSV: "application/gzip",
    JSONL: "application/gzip",
    PARQUET: "application/vnd.apache.parquet",
}
BESIDE: Final = "fields"  # a column with fields of a row as JSON: of Parquet all of them, of CSV those without a column


def cell(value: Any) -> str:
    """A value as text: numbers with their own digits, what is made of parts as JSON, nothing where there is none."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Decimal():
            return f"{value:f}"
        case int():
            return str(value)
        case _:
            return wire.dumps(value).decode()

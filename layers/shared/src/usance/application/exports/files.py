"""Rows as files: CSV or JSON lines, compressed as they are written."""

import csv
import gzip
import tempfile
from collections.abc import Iterable, Mapping
from decimal import Decimal
from io import TextIOWrapper
from typing import Any, BinaryIO, Final, Self

from usance.application.exports.chunks import Table, TextColumn
from usance.resources import wire

CSV: Final = "CSV"
PARQUET: Final = "PARQUET"
ENDINGS: Final[Mapping[str, str]] = {CSV: "csv.gz", "JSONL": "jsonl.gz", PARQUET: "parquet"}
TYPES: Final[Mapping[str, str]] = {
    CSV: "application/gzip",
    "JSONL": "application/gzip",
    PARQUET: "application/vnd.apache.parquet",
}
LEVEL: Final = 5  # of 9: beyond it, twice the time for some hundredths of the size


class TextFile:
    """A compressed file of a table's rows as text, kept by the machine until it is left."""

    def __init__(self, table: Table, format_: str) -> None:
        self.rows = 0
        self._columns = table.text_columns or [TextColumn(name, name) for name in table.columns]
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when this is left
        self._packed = gzip.GzipFile(filename="", fileobj=self._file, mode="wb", compresslevel=LEVEL, mtime=0)
        self._text = TextIOWrapper(self._packed, "utf-8", newline="")
        self._csv = csv.writer(self._text) if format_ == CSV else None
        if self._csv:
            self._csv.writerow([column.header for column in self._columns])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows; of JSON lines each has the fields that it has."""
        for row in rows:
            self.rows += 1
            if self._csv:
                self._csv.writerow([cell(column.value(row)) for column in self._columns])
            else:
                self._text.write(wire.dumps(row).decode() + "\n")

    def finish(self) -> BinaryIO:
        """The whole file, to be read from its start."""
        self._text.close()
        self._file.seek(0)
        return self._file


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

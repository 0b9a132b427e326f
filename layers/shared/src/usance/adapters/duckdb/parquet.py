"""Rows as Parquet files, written by DuckDB as they come."""

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import duckdb
import numpy as np

from usance.adapters.duckdb.names import quoted
from usance.application.exports.chunks import Table
from usance.application.exports.files import BESIDE, cell
from usance.domain.exports.column_names import distinct_names
from usance.resources import wire

CHUNK_ROWS: Final = 20_000  # handed over at a time
DIGITS: Final = 38
PLACES: Final = 18
MEMORY: Final = "1GB"  # of the function's 3; the rest of a file goes to its disk

_TOO_LARGE: Final = Decimal(10) ** (DIGITS - PLACES)


class ParquetFiles:
    """`RowFiles` of Parquet.

    Instants are TIMESTAMP in UTC, numbers DECIMAL(38,18), everything else VARCHAR. A number that does not fit is null in
    its column; the column `fields` has it, of tables that tell their own columns apart. Names of columns differ, whatever their case.
    """

    def __call__(self, table: Table) -> "ParquetFile":
        """A new file for the rows of a table."""
        return ParquetFile(table)


class ParquetFile:
    """One file, on the machine's disk until it is left."""

    def __init__(self, table: Table) -> None:
        self.rows = 0
        self._table = table
        self._folder = tempfile.TemporaryDirectory()
        self._waiting: list[Mapping[str, Any]] = []
        self._stream: BinaryIO | None = None
        settings: dict[str, Any] = {"threads": 2, "memory_limit": MEMORY, "temp_directory": self._folder.name}
        self._connection = duckdb.connect(str(Path(self._folder.name) / "rows.duckdb"), config=settings)
        names = distinct_names(table.columns, [] if table.own is None else [BESIDE])
        columns = [f"{quoted(names[name])} {self._type(name)}" for name in table.columns]
        columns += [] if table.own is None else [f"{quoted(BESIDE)} VARCHAR"]
        self._connection.execute(f"CREATE TABLE kept ({', '.join(columns)})")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
        self._connection.close()
        self._folder.cleanup()

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows."""
        for row in rows:
            self.rows += 1
            self._waiting.append(row)
            if len(self._waiting) == CHUNK_ROWS:
                self._flush()

    def finish(self) -> BinaryIO:
        """The whole file, to be read from its start."""
        self._flush()
        path = Path(self._folder.name) / "rows.parquet"
        self._connection.execute(f"COPY kept TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        self._stream = path.open("rb")
        return self._stream

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        names: Sequence[str] = self._table.columns
        chunk = {f"c{at}": _array([self._value(name, row.get(name)) for row in rows]) for at, name in enumerate(names)}
        selected = [f"CAST(c{at} AS {self._type(name)})" for at, name in enumerate(names)]
        if (own := self._table.own) is not None:
            chunk["exact"] = _array([_beside(own, row) for row in rows])
            selected.append("exact")
        self._connection.register("chunk", chunk)
        self._connection.execute(f"INSERT INTO kept SELECT {', '.join(selected)} FROM chunk")  # noqa: S608 - our own names
        self._connection.unregister("chunk")

    def _type(self, name: str) -> str:
        if name in self._table.instants:
            return "TIMESTAMP"
        return f"DECIMAL({DIGITS},{PLACES})" if name in self._table.numbers else "VARCHAR"

    def _value(self, name: str, value: Any) -> str | None:
        if value is None:
            return None
        if name in self._table.instants:
            return str(value).removesuffix("Z")
        return _fitting(value) if name in self._table.numbers else cell(value)


def _beside(own: Collection[str], row: Mapping[str, Any]) -> str:
    return wire.dumps({name: value for name, value in row.items() if name not in own}).decode()


def _fitting(value: Any) -> str | None:
    number = Decimal(value)
    exponent = number.normalize().as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= -PLACES and abs(number) < _TOO_LARGE
    return f"{number:f}" if fits else None


def _array(values: list[str | None]) -> Any:
    return np.array(values, dtype=object)

"""Exported measurements read back from a Parquet file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, Final

import duckdb

from usance.adapters.duckdb.parquet import MEMORY
from usance.application.exports.files import BESIDE
from usance.resources import wire
from usance.resources.wire import Document

ROWS_AT_ONCE: Final = 20_000
_OWN: Final = ("uid", "meterId", "accountId", "ts", "ets", "receivedAt")


def parquet_rows(stream: BinaryIO) -> Iterator[Document]:
    """The rows as JSON lines have them, fields digit for digit. Raises `ValueError` for what is no such file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        with path.open("wb") as copy:
            copyfileobj(stream, copy)
        with duckdb.connect(config={"threads": 2, "memory_limit": MEMORY, "temp_directory": folder}) as connection:
            try:
                selected = f'uid, meterId, accountId, ts::VARCHAR, ets::VARCHAR, receivedAt::VARCHAR, "{BESIDE}"'
                answer = connection.execute(f"SELECT {selected} FROM read_parquet(?)", [str(path)])  # noqa: S608 - our own names
                while rows := answer.fetchmany(ROWS_AT_ONCE):
                    for *own, fields in rows:
                        yield {**dict(zip(_OWN, own, strict=True)), **wire.loads(fields)}
            except duckdb.Error as fault:
                raise ValueError(str(fault)) from fault

"""Rows as a compressed CSV file."""

import csv
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from usance.application.exports.chunks import Table, TextColumn
from usance.application.exports.files import BESIDE, cell
from usance.application.exports.packed_text import PackedText
from usance.application.exports.text_file import TextFile
from usance.resources import wire

_NOTHING: Final[Mapping[str, Any]] = {}


class CsvFile(TextFile):
    """A table's rows under its columns.

    What a row of usage has in no column of the table (a field that its meter has no more, a text of one that is of numbers
    now) is JSON in one more column, `BESIDE`, which the file has from the first such row on: the rows before it are then
    written again.
    """

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._columns = table.text_columns or [TextColumn(name, name) for name in table.columns]
        self._whole = table.own is None  # no row has more than the columns
        self._wide = False
        self._csv = csv.writer(self._packed.text)
        self._csv.writerow([column.header for column in self._columns])

    def _write(self, row: Mapping[str, Any]) -> None:
        values = [column.value(row) for column in self._columns]
        cells = [cell(value) for value in values]
        beside = self._beside(row, values)
        if beside and not self._wide:
            self._widen()
        if self._wide:
            cells.append(wire.dumps(beside).decode() if beside else "")
        self._csv.writerow(cells)

    def _beside(self, row: Mapping[str, Any], values: Sequence[Any]) -> Mapping[str, Any]:
        if self._whole or _filled(values) == _filled(row.values()):  # no value is in two columns
            return _NOTHING
        shown = {column.name for column, value in zip(self._columns, values, strict=True) if value is not None}
        return {name: value for name, value in row.items() if name not in shown and value is not None}

    def _widen(self) -> None:
        narrow, self._packed = self._packed, PackedText()
        self._csv = csv.writer(self._packed.text)
        with narrow.read_again() as text:
            lines = csv.reader(text)
            self._csv.writerow([*next(lines), BESIDE])
            self._csv.writerows([*line, ""] for line in lines)
        narrow.close()
        self._wide = True


def _filled(values: Collection[Any]) -> int:
    return sum(value is not None for value in values)

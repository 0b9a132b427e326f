"""Measurements as a table: a header of `uid`, `meter`, `account`, `ts`, `ets` and `<category>.<field>` (metering.md 2)."""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from usance.domain.kernel.csv_text import number_or_text
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.meter import NUMERIC, Category

READ_BYTES: Final = 262_144  # at a time: no more than a row is kept beside it
ROW_MAX_CHARS: Final = 1_048_576  # our choice, of a row and of the lines in its cells; a request may hold half of it
REQUIRED: Final = ("meter", "account", "ts")
OWN: Final = frozenset({"uid", "ets", *REQUIRED})

_NUMERIC: Final = frozenset(category.value for category in NUMERIC)
_CATEGORIES: Final = frozenset(category.value for category in Category)


def csv_values(stream: BinaryIO, malformed: list[InvalidInputError], start: int = 0) -> Iterator[Any]:
    """The rows as measurements, from number `start` on; where the file ends to be a table, `malformed` says why.

    An empty cell is no value. A row that has not as many cells as the header is handed out as what it holds, and is no measurement.
    """
    lines = _Lines(stream)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        _check_header(header)
        number = 0
        for row in reader:
            lines.row_chars = 0
            if row and number >= start:
                yield _measurement(header, row) if len(row) == len(header) else {"cells": row}
            number += bool(row)
    except InvalidInputError as refused:
        malformed.append(refused)
    except csv.Error as broken:
        malformed.append(InvalidInputError(f"the file is not valid CSV: line {reader.line_num}: {broken}"))
    except UnicodeDecodeError:  # the lines before it were handed out
        malformed.append(
            InvalidInputError(f"the file is not UTF-8 in line {reader.line_num + 1}: save it as CSV in UTF-8")
        )


def template_of(meter: Mapping[str, Any]) -> str:
    """The header of a table of a meter's measurements."""
    fields = (f"{field['category'].lower()}.{field['code']}" for field in meter["dataFields"])
    return ",".join(["uid", "meter", "account", "ts", *fields]) + "\r\n"


class _Lines:
    """The lines, ended by a line feed alone: a cell may hold every other character that ends lines elsewhere.

    `row_chars` are those of the lines that were handed out since it was last set to 0.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.row_chars = 0
        self._lines = self._read(stream)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.row_chars += len(line)
        if self.row_chars > ROW_MAX_CHARS:
            raise _too_long()
        return line

    @staticmethod
    def _read(stream: BinaryIO) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        rest = ""
        while chunk := stream.read(READ_BYTES):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as broken:
                *lines, _ = (rest + broken.object[: broken.start].decode()).split("\n")
                yield from (f"{line}\n" for line in lines)
                raise
            *lines, rest = (rest + text).split("\n")
            yield from (f"{line}\n" for line in lines)
            if len(rest) > ROW_MAX_CHARS:
                raise _too_long()
        yield rest + decoder.decode(b"", final=True)


def _too_long() -> InvalidInputError:
    return InvalidInputError(f"the file has a row of more than {ROW_MAX_CHARS} characters")


def _check_header(header: Sequence[str]) -> None:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):  # as spreadsheets of many countries save it
        raise InvalidInputError("the header has one column alone: cells are separated by commas")
    for name in REQUIRED:
        if name not in header:
            raise InvalidInputError(f"the header has no column {name}")
    for name in header:
        category, dot, code = name.partition(".")
        if name not in OWN and not (dot and code and category in _CATEGORIES):
            raise InvalidInputError(
                f"the header has a column {name[:80]}: write fields as measure.tokens, in lower case"
            )
    if len(set(header)) < len(header):
        raise InvalidInputError("the header names a column twice")


def _measurement(header: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    measurement: dict[str, Any] = {}
    for name, cell in zip(header, row, strict=True):
        if cell == "":
            continue
        if name in OWN:
            measurement[name] = cell
            continue
        category, _, code = name.partition(".")
        measurement.setdefault(category, {})[code] = number_or_text(cell) if category in _NUMERIC else cell
    return measurement

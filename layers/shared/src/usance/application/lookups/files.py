"""Items as files: JSON lines, or CSV with a header of field names (metering.md 9.2)."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from usance.domain.catalog.lookups import Item
from usance.domain.kernel.csv_text import number_or_text
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.wire import Document

JSONL: Final = "application/jsonl"
CSV: Final = "text/csv"
ENDINGS: Final = {JSONL: "jsonl", CSV: "csv"}


def to_file(revision: Document, items: Iterable[Item], content_type: str) -> bytes:
    """The items as a file, fields in the order of the schema."""
    names = [field["name"] for field in revision["fields"]]
    if content_type == JSONL:
        return b"".join(wire.dumps({name: item[name] for name in names}) + b"\n" for item in items)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(item[name]) for name in names] for item in items)
    return text.getvalue().encode()


def from_file(revision: Document, content: bytes, content_type: str) -> Iterator[tuple[str, Any]]:
    """The lines of a file, each with its place, such as `line 3`. Raises `InvalidInputError` for what is no such file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as malformed:
        raise InvalidInputError(f"the file is not UTF-8: {malformed}") from malformed
    if content_type == CSV:
        yield from _from_csv(revision, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"line {number}", wire.loads(line)
            except InvalidInputError as malformed:
                raise InvalidInputError(f"line {number}: {malformed}") from malformed


def _from_csv(revision: Document, text: str) -> Iterator[tuple[str, Any]]:
    types = {field["name"]: field["type"] for field in revision["fields"]}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        for row in reader:
            if row:
                place = f"line {reader.line_num}"
                yield place, _item(types, names, row, place)
    except csv.Error as malformed:
        raise InvalidInputError(f"line {reader.line_num}: {malformed}") from malformed


def _item(types: dict[str, str], names: list[str], row: list[str], place: str) -> dict[str, Any]:
    if len(row) != len(names):
        raise InvalidInputError(f"{place} has {len(row)} values; the header names {len(names)}")
    values = dict(zip(names, row, strict=True))
    return {name: number_or_text(text) if types.get(name) == "NUMBER" else text for name, text in values.items()}


def _cell(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)

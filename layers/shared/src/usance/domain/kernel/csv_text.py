"""Rows of CSV (RFC 4180) that people open in a spreadsheet.

Text that a spreadsheet would run as a formula gets an apostrophe in front: what an account or a measurement is called
comes from outside. Numbers are never changed, so `-5` stays a number.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII
)  # Decimal takes `1_000` and `NaN` too
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_QUOTED: Final = frozenset(',"\r\n')

Cell = str | Decimal | int | None


def csv_row(cells: Sequence[Cell]) -> str:
    """The cells as one line that ends with CRLF; None is an empty cell."""
    return ",".join(map(_text, cells)) + "\r\n"


def number_or_text(cell: str) -> Decimal | str:
    """The number that a cell holds; what is none stays a text, which is refused by the name of its field."""
    text = cell.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else cell


def _text(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case int():
            return str(value)
        case str():
            return _quoted(f"'{value}" if value.startswith(_FORMULA_STARTS) else value)


def _quoted(text: str) -> str:
    if _QUOTED.isdisjoint(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'

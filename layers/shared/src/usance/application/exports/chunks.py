"""What an export is made of: rows, a chunk at a time, from any place where it was left."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usance.resources.wire import Document

Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows, and the place where those that follow begin."""

    rows: Iterable[Document]
    following: Cursor


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of a file of text: its header, and the field of a row that it holds.

    It may be of the rows of some meters only, and of numbers, or of texts, only.
    """

    header: str
    name: str
    meter_ids: frozenset[str] | None = None
    of_numbers: bool | None = None

    def value(self, row: Mapping[str, Any]) -> Any:
        """What the row has for it."""
        value = row.get(self.name)
        if self.meter_ids is not None and row["meterId"] not in self.meter_ids:
            return None
        return None if self.of_numbers is not None and isinstance(value, str) is self.of_numbers else value


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one type. `columns` are the names of all fields that rows may have; `chunks` takes a place, {} at first.

    `text_columns` are those of a file of text, where they differ. `instants` and `numbers` are the columns
    that a typed file can hold as such. Where `own` columns are told apart, such a file has in one more column what a row has
    beside them, exactly: numbers that may not fit its type, and fields that have no column any more.
    """

    type: str
    columns: Sequence[str]
    chunks: Callable[[Cursor], Iterator[Chunk]]
    text_columns: Sequence[TextColumn] = ()
    instants: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    own: frozenset[str] | None = None

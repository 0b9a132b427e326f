"""What an export is made of: rows, a chunk at a time, from any place where it was left."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
class Table:
    """The rows of one type. `columns` are the names of all fields that rows may have; `chunks` takes a place, {} at first.

    `headers` are the columns as a table of text names them, where that differs. `instants` and `numbers` are the columns
    that a typed file can hold as such, and `exact` those whose numbers may not fit its type.
    """

    type: str
    columns: Sequence[str]
    chunks: Callable[[Cursor], Iterator[Chunk]]
    headers: Sequence[str] = ()
    instants: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()

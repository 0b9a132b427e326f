"""Rows as a compressed file of text."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Self

from usance.application.exports.packed_text import PackedText


class TextFile(ABC):
    """A `RowFile` of text, kept by the machine until it is left."""

    def __init__(self) -> None:
        self.rows = 0
        self._packed = PackedText()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._packed.close()

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows."""
        for row in rows:
            self.rows += 1
            self._write(row)

    def finish(self) -> BinaryIO:
        """The whole file, to be read from its start."""
        return self._packed.finish()

    @abstractmethod
    def _write(self, row: Mapping[str, Any]) -> None: ...

"""Rows as a compressed file of JSON lines."""

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Self

from usance.application.exports.packed_text import PackedText
from usance.resources import wire


class JsonLinesFile:
    """Rows, each with the fields that it has, kept by the machine until the file is left."""

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
            self._packed.text.write(wire.dumps(row).decode() + "\n")

    def finish(self) -> BinaryIO:
        """The whole file, to be read from its start."""
        return self._packed.finish()

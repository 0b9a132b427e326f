"""Rows as a compressed file of JSON lines."""

from collections.abc import Mapping
from typing import Any

from usance.application.exports.text_file import TextFile
from usance.resources import wire


class JsonLinesFile(TextFile):
    """Rows, each with the fields that it has."""

    def _write(self, row: Mapping[str, Any]) -> None:
        self._packed.text.write(wire.dumps(row).decode() + "\n")

"""How far each table's stream is done, kept in a file that the store process reads as well."""

import json
import os
import threading
from pathlib import Path


class Checkpoints:
    """Sequence numbers by table."""

    def __init__(self, file: Path) -> None:
        """An absent file means that nothing is done."""
        self._file = file
        self._lock = threading.Lock()
        try:
            self._done: dict[str, str] = json.loads(file.read_text())
        except (OSError, ValueError):
            self._done = {}

    def last(self, table: str) -> str | None:
        """Sequence number of the last record that is done; None when none is."""
        return self._done.get(table)

    def confirm(self, table: str, sequence: str) -> None:
        """Everything up to `sequence` is done; durable when this returns."""
        with self._lock:
            self._done[table] = sequence
            replacement = self._file.with_suffix(".new")
            with replacement.open("w") as file:
                file.write(json.dumps(self._done))
                file.flush()
                os.fsync(file.fileno())
            replacement.replace(self._file)

"""Remembers which messages are being worked on, so that a restart after a crash can make them visible at once.

Without it nothing is lost either: the messages come back when their visibility time-out is over. That time-out is six
times the function's own, half an hour for some, which is a long wait on one machine.
"""

import json
import threading
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


class Receipts:
    """The receipt handles of one queue's messages in flight, in a file."""

    def __init__(self, file: Path) -> None:
        """`file` belongs to one queue; what it holds at first is `left` over from an earlier run."""
        self._file = file
        self._lock = threading.Lock()
        self._handles: set[str] = set()
        try:
            self.left: list[str] = json.loads(file.read_text())
        except (OSError, ValueError):
            self.left = []

    def give_back(self, sqs: Any, url: str) -> None:
        """Make visible what an earlier run of the stack did not finish."""
        left, self.left = self.left, []
        for handle in left:
            try:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
            except ClientError:
                continue  # deleted, or visible again by itself

    def add(self, handles: list[str]) -> None:
        """Work on these messages begins."""
        with self._lock:
            self._handles.update(handles)
            self._write()

    def remove(self, handles: list[str]) -> None:
        """Work on these messages ended, whichever way."""
        with self._lock:
            self._handles.difference_update(handles)
            self._write()

    def _write(self) -> None:
        replacement = self._file.with_suffix(".new")
        replacement.write_text(json.dumps(sorted(self._handles)))
        replacement.replace(self._file)

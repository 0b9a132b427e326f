"""Work handed to another function."""

from collections.abc import Sequence
from typing import Protocol

from usance.resources.wire import Document


class Queue(Protocol):
    """An at-least-once queue of JSON messages."""

    def send(self, messages: Sequence[Document], *, delay_seconds: int = 0) -> None:
        """Enqueue all, in batches; raises when any was not taken (the caller is then run again)."""
        ...

"""Work handed to another function."""

from collections.abc import Sequence
from typing import Final, Protocol

from usance.resources.wire import Document

DELAY_MAX_SECONDS: Final = 900  # SQS; a longer wait is several


class Queue(Protocol):
    """An at-least-once queue of JSON messages."""

    def send(self, messages: Sequence[Document], *, delay_seconds: int = 0) -> None:
        """Enqueue all, in batches; raises when any was not taken (the caller is then run again)."""
        ...

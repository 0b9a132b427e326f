"""Queues in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from usance.resources import wire
from usance.resources.wire import Document


@dataclass
class FakeQueue:
    """`Queue` that keeps what it is sent, with the delay of each message."""

    sent: list[tuple[Document, int]] = field(default_factory=list)

    def send(self, messages: Sequence[Document], *, delay_seconds: int = 0) -> None:
        self.sent.extend((wire.loads(wire.dumps(message)), delay_seconds) for message in messages)

    @property
    def messages(self) -> list[Document]:
        """What was sent, in order."""
        return [message for message, _ in self.sent]

    def take(self) -> list[tuple[Document, int]]:
        """Take everything out."""
        taken, self.sent = self.sent, []
        return taken

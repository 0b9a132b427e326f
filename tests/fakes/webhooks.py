"""Receivers of webhooks that answer as a test wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usance.domain.notifications.delivery import Outcome

OK = Outcome(status=200)


@dataclass
class FakeWebhookSender:
    """`WebhookSender` that keeps what it sends and answers `outcomes` in turn, the last of them for ever."""

    outcomes: Sequence[Outcome] = (OK,)
    sent: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def check(self, url: str) -> None:
        pass

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        self.sent.append((url, body, headers))
        return self.outcomes[min(len(self.sent), len(self.outcomes)) - 1]

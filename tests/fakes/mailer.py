"""E-mail in memory."""

from dataclasses import dataclass, field


@dataclass
class FakeMailer:
    """`Mailer` that keeps what it is given. `refusals` are raised first, one a call."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)

    def send(self, to: str, subject: str, text: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append((to, subject, text))

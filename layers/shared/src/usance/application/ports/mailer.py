"""E-mail to the people of an organization."""

from typing import Protocol


class Mailer(Protocol):
    """Sends e-mail; a deployment may have none."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Send one message. `InvalidInputError` when it will never be sent, `UnavailableError` when it may be later."""
        ...

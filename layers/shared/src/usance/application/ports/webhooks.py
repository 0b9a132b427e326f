"""Sending to the world outside."""

from collections.abc import Mapping
from typing import Protocol

from usance.domain.notifications.delivery import Outcome


class WebhookSender(Protocol):
    """POSTs to addresses that customers chose, and reaches none that they may not name."""

    def check(self, url: str) -> None:
        """Refuse (`InvalidInputError`) a URL whose scheme, host or address webhooks may not reach, or has no address."""
        ...

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """POST once, following no redirect, and report how it ended. Never raises for what the receiver does."""
        ...

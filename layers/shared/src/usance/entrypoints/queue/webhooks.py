"""The delivery queue of webhooks."""

from collections.abc import Callable
from typing import Any

from usance.application.notifications.deliver_run import Deliverer
from usance.bootstrap.webhooks import deliverer
from usance.entrypoints.queue import deliveries


def handler(build: Callable[[], Deliverer] = deliverer) -> Callable[[dict[str, Any], Any], Any]:
    """The Lambda handler."""
    return deliveries.handler(build)

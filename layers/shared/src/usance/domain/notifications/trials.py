"""When a webhook whose integration was disabled by itself is tried again (our choice, docs/webhooks.md)."""

from datetime import timedelta
from typing import Final

FIRST_WAIT: Final = timedelta(hours=1)
WAIT_MAX: Final = timedelta(days=1)
TRIED_FOR: Final = timedelta(days=28)  # as long as events are kept, and with them what waited
_DOUBLINGS_MAX: Final = 5  # FIRST_WAIT is beyond WAIT_MAX then


def wait_before(number: int) -> timedelta:
    """How long trial `number` (from 1) waits, from when the integration was disabled or the trial before it ended."""
    return min(FIRST_WAIT * (1 << min(number - 1, _DOUBLINGS_MAX)), WAIT_MAX)

"""Time and fresh identifiers."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The present. Scheduled work takes its time from the event instead."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class IdFactory(Protocol):
    """Fresh identifiers."""

    def new(self) -> str:
        """A UUID version 7: 36 characters that sort by creation."""
        ...


Pause = Callable[[int], None]
"""Waits before something is tried again that others got ahead of `attempt` times before (from 0): longer each time, and for a
time that chance has a part in, so that rivals part."""

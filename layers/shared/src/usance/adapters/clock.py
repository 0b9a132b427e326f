"""The system's clock, and identifiers that sort by it."""

import secrets
import threading
import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class TimeOrderedIds:
    """UUIDs of version 7 (RFC 9562): milliseconds, then a part that grows within one, then randomness.

    Ids of one process ascend strictly, so that lists show the newest first even within a millisecond.
    """

    _GROWING_BITS = 12 + 20  # rand_a and the head of rand_b

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        """A UUID version 7: 36 characters."""
        with self._lock:
            fresh = (time.time_ns() // 1_000_000) << self._GROWING_BITS | secrets.randbits(self._GROWING_BITS - 1)
            self._last = max(fresh, self._last + 1)
            ordered = self._last
        milliseconds, growing = ordered >> self._GROWING_BITS, ordered & ((1 << self._GROWING_BITS) - 1)
        high, low = growing >> 20, growing & ((1 << 20) - 1)
        value = milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 42 | secrets.randbits(42)
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

"""What a disturbed store does, drawn by a seed: single faults, and bursts that outlast the client's own attempts."""

import random
import threading
from collections import Counter

from tests.crash.proxy import Call, Fault

KINDS = (Fault.THROTTLED, Fault.LOST, Fault.TWICE)
BURSTS = 0.02  # begin for each fault that comes alone
BURST_CALLS = 40  # one after the other, of whatever function


class Faults:
    """Called for every call to the store; counts what it did."""

    def __init__(self, seed: int, percent: float) -> None:
        """`percent` of calls have a fault of their own."""
        self._share = percent / 100
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self._burst = (Fault.THROTTLED, 0)
        self.on = True
        self.counts: Counter[Fault] = Counter()
        self.calls = 0

    def __call__(self, _call: Call) -> Fault | None:
        """What happens to this call."""
        with self._lock:
            self.calls += 1
            fault = self._draw() if self.on else None
            if fault:
                self.counts[fault] += 1
            return fault

    def _draw(self) -> Fault | None:
        kind, left = self._burst
        if left:
            self._burst = kind, left - 1
            return kind
        drawn = self._rng.random()
        if drawn < self._share * BURSTS:
            self._burst = self._rng.choice([Fault.THROTTLED, Fault.LOST]), BURST_CALLS
        return self._rng.choice(KINDS) if drawn < self._share else None

"""Work that a busy store interrupts: when its message goes on, and when it is given up."""

from typing import Final

from usance.application.ports.queue import DELAY_MAX_SECONDS

FAULTS_MAX: Final = 8  # in a row without anything done: half an hour
FIRST_DELAY_SECONDS: Final = 15  # then twice as many each time


def delay_seconds(faults: int) -> int:
    """How long to wait after so many faults in a row, from 1."""
    return min(FIRST_DELAY_SECONDS << (faults - 1), DELAY_MAX_SECONDS)

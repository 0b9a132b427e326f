"""Until when a request may go on reading: what takes longer is cut off, without a word, by the gateway."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from usance.application.ports.clock import Clock

READ_FOR: Final = timedelta(seconds=18)  # of the 29 that a function has: a last read, and the answer, come after it


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant `at`, by `clock`."""

    clock: Clock
    at: datetime

    def passed(self) -> bool:
        """Whether it is over."""
        return self.clock.now() >= self.at


def of_request(clock: Clock) -> Deadline:
    """Until when a request that begins now may read on for its answer."""
    return Deadline(clock, clock.now() + READ_FOR)

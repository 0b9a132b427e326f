"""Until when something may go on reading: what answers a request is cut off, without a word, by the gateway's limit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from usance.application.ports.clock import Clock

# A function has 29 seconds. One more page of the store may follow (`PAGE_FOR` at most), then the answer is made.
READ_FOR: Final = timedelta(seconds=18)
PAGE_FOR: Final = timedelta(seconds=7)  # of one page of a store, when what several filters find has nothing in common


@dataclass(frozen=True, slots=True)
class Deadline:
    """The instant `at`, by `clock`."""

    clock: Clock
    at: datetime

    def passed(self) -> bool:
        """Whether it is over."""
        return self.clock.now() >= self.at


def within(clock: Clock, time: timedelta) -> Deadline:
    """The deadline that is so far from now."""
    return Deadline(clock, clock.now() + time)


def of_request(clock: Clock) -> Deadline:
    """Until when a request that begins now may read on for its answer."""
    return within(clock, READ_FOR)

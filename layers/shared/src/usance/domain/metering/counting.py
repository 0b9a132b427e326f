"""Counting once: which of several copies of a measurement counts (metering.md 1.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from usance.domain.metering.instants import DAY_MICROSECONDS

WINDOW_DAYS: Final = 35
WINDOW_MICROSECONDS: Final = WINDOW_DAYS * DAY_MICROSECONDS


@dataclass(frozen=True, slots=True, order=True)
class Copy:
    """A stored measurement among those with one uid. `place` orders copies that were received in the same instant."""

    received_microseconds: int
    place: tuple[str, str, int]


def repeats(copies: Iterable[Copy]) -> list[Copy]:
    """Of `copies` of one measurement, those that do not count: each that follows another within the window."""
    ordered = sorted(copies)
    return [
        later
        for earlier, later in pairwise(ordered)
        if later.received_microseconds - earlier.received_microseconds <= WINDOW_MICROSECONDS
    ]

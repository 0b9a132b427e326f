"""How much one question may read, over all the reads that answer it."""

from threading import Lock
from typing import Final

from usance.domain.kernel.errors import InvalidInputError

MEGABYTE: Final = 1_000_000


class TooMuchUsageError(InvalidInputError):
    """More was to be read than the budget has."""


class ReadBudget:
    """Measurements, and bytes as they are stored, that may still be read. Reads of several threads share it.

    What is spent of a part is spent of the `whole` too.
    """

    def __init__(self, measurements: int, bytes_: int | None = None, whole: "ReadBudget | None" = None) -> None:
        self._measurements, self._bytes, self._whole = measurements, bytes_, whole
        self._read_measurements = self._read_bytes = 0
        self._lock = Lock()

    def spend(self, measurements: int, bytes_: int) -> None:
        """Count what was just read. Raises `TooMuchUsageError`, also for every read that follows, when it was too much."""
        if self._whole:
            self._whole.spend(measurements, bytes_)
        with self._lock:
            self._read_measurements += measurements
            self._read_bytes += bytes_
            if self._read_measurements > self._measurements:
                raise _refusal(f"{self._measurements} measurements")
            if self._bytes is not None and self._read_bytes > self._bytes:
                raise _refusal(f"{self._bytes // MEGABYTE} MB of packed measurements")


def _refusal(most: str) -> TooMuchUsageError:
    return TooMuchUsageError(
        f"the query would read more than {most}; ask for a shorter time, fewer meters or fewer accounts"
    )

"""Lines that say how far a long measurement is, on standard error: the table stays alone on standard output."""

import sys
import time
from collections.abc import Callable
from typing import Final

LINE_SECONDS: Final = 30.0


class Progress:
    """Says a line when the last one was some time ago."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def say(self, line: Callable[[], str]) -> None:
        """`line` is made when it is time for it."""
        if time.monotonic() - self._said >= LINE_SECONDS:
            self.say_now(line())

    def say_now(self, line: str) -> None:
        """The beginning or the end of something."""
        self._said = time.monotonic()
        print(f"{self._said - self._began:7.0f} s  {line}", file=sys.stderr, flush=True)

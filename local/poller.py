"""A thread that does one thing again and again until it is stopped, whatever the store answers meanwhile."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

_LOG: Final = logging.getLogger("local.poller")
_PAUSE_AFTER_ERROR_SECONDS: Final = 1


class Poller:
    """Runs `step` until `stop`; an error of the store is logged and the step is tried again."""

    def __init__(self, name: str, step: Callable[[], None]) -> None:
        """`step` blocks for at most a second or two when there is nothing to do."""
        self.stopping = threading.Event()
        self._step = step
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after its present step."""
        self.stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end; False when it did not come in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._step()
            except (BotoCoreError, ClientError) as failed:
                if not self.stopping.is_set():
                    _LOG.warning("%s: %s", self._thread.name, failed)
                self.stopping.wait(_PAUSE_AFTER_ERROR_SECONDS)

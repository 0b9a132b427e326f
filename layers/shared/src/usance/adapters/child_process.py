"""A process apart for what customers wrote: limits that no library's own can hold, and nothing of ours within reach.

`child_loop` is its other end.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Lock, Timer
from typing import IO, Any, Final, cast

from usance.domain.kernel.errors import UnavailableError

LOADING_SECONDS_MAX: Final = 60.0  # millions of measurements are read in well within it
CLOCK_TIMES: Final = 5  # so many times its processor time a request may last: its processor is shared with others


class ChildProcess:
    """Runs `module`. It starts when it is first asked, and again after a request that had to be ended.

    An answer has at most `line_max` bytes.
    """

    def __init__(self, module: str, line_max: int) -> None:
        self._module = module
        self._line_max = line_max
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def answer(
        self, request: Mapping[str, Any], chunks: Iterable[Mapping[str, Any]], seconds: float
    ) -> Mapping[str, Any]:
        """What the child says of a request: `value`, `refused` or `limit`, the limit that it passed.

        It may compute for so many `seconds`, however long that takes on a busy machine. `UnavailableError` when it got no
        processor for that within `CLOCK_TIMES` as long, when it cannot be started or was ended by somebody else: the same may
        work later.
        """
        with self._lock:
            process = self._started()
            try:
                with _deadline(process, LOADING_SECONDS_MAX) as late:
                    with suppress(BrokenPipeError):  # then it has said why
                        _send(_pipe(process.stdin), {**request, "seconds": seconds}, chunks)
                    said = self._line(process)
                if not late.is_set() and said.get("ready"):
                    with _deadline(process, seconds * CLOCK_TIMES) as late:
                        said = self._line(process)
            except BaseException:
                self._end()
                raise
            if late.is_set() or "limit" in said or not said:
                self._end()
            if late.is_set():
                raise UnavailableError("the machine is too busy to answer in time; try again")
            if not said:
                raise UnavailableError("the process that was to answer was ended; try again")
            return said

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._end()
            command = [sys.executable, "-s", "-P", "-m", self._module]
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd="/",
                    env=_environment(),
                    start_new_session=True,
                )
            except OSError as refused:
                raise UnavailableError(f"no process can be started: {refused}") from refused
        return self._process

    def _line(self, process: "subprocess.Popen[bytes]") -> Mapping[str, Any]:
        """Empty when the process has ended without a word."""
        line = _pipe(process.stdout).readline(self._line_max)
        if not line.endswith(b"\n"):
            return {}
        said: Mapping[str, Any] = json.loads(line)
        return said

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                _pipe(pipe).close()


def _environment() -> Mapping[str, str]:
    """Where Python finds itself and us; no credentials, and nothing that could differ between two machines."""
    found = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    if libraries := os.environ.get("LD_LIBRARY_PATH"):  # Lambda's Python needs it
        found["LD_LIBRARY_PATH"] = libraries
    return found | {
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }  # no threads before a fork, little address space


def _send(pipe: IO[bytes], request: Mapping[str, Any], chunks: Iterable[Mapping[str, Any]]) -> None:
    pickle.dump(request, pipe, protocol=5)
    for chunk in chunks:
        pickle.dump(chunk, pipe, protocol=5)
    pickle.dump(None, pipe, protocol=5)
    pipe.flush()


@contextmanager
def _deadline(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[Event]:
    """Ends the process when the time is over, and says so."""
    late = Event()

    def end() -> None:
        late.set()
        _kill(process)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """It, and the process of the request: they are a session of their own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe that was asked for is there."""
    return cast("IO[bytes]", pipe)

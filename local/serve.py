"""`python -m local serve`: one stack per data directory, from start to clean stop."""

import fcntl
import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from local import store
from local.control import ControlError, announced, withdraw
from local.stack import Options, Stack

_LOG: Final = logging.getLogger("local.serve")
_WATCH_SECONDS: Final = 2
_LOOK_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 900
_OWN_ENTRIES: Final = {
    "checkpoints.json",
    "credentials.json",
    "first_start.json",
    "in-flight",
    "logs",
    "serve.json",
    "serve.lock",
    "store",
}


class ServeError(Exception):
    """The stack cannot be started; the message says why."""


def lock(data_dir: Path) -> int:
    """Take the data directory for the life of this process; raises `ServeError` when another stack has it."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(data_dir / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        os.close(descriptor)
        message = f"another stack runs on {data_dir}"
        raise ServeError(message) from taken
    return descriptor


def forget(data_dir: Path, credentials: Path | None) -> None:
    """Stop the store and delete everything that a stack keeps. Refuses a directory that holds anything else."""
    strange = {entry.name for entry in data_dir.iterdir()} - _OWN_ENTRIES
    if credentials is not None and credentials.parent == data_dir:
        strange.discard(credentials.name)
    if strange:
        message = f"{data_dir} holds files that are not the stack's own: {', '.join(sorted(strange))}"
        raise ServeError(message)
    store.stop(data_dir)
    for entry in data_dir.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "serve.lock":  # held by this process
            entry.unlink()
    if credentials is not None:
        credentials.unlink(missing_ok=True)


def serve(options: Options, *, fresh: bool = False) -> int:
    """Run the stack until SIGTERM, SIGHUP or Ctrl-C; returns the exit status."""
    began = time.monotonic()
    held = lock(options.data_dir)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    try:
        if fresh:
            forget(options.data_dir, options.credentials)
        withdraw(options.data_dir)
        if options.credentials is not None:
            options.credentials.unlink(missing_ok=True)  # it is there when the stack is ready, and only then
        live = store.start(options.data_dir)
        stack = Stack(options, live)
        try:
            stack.start()
            print(f"Ready in {time.monotonic() - began:.1f} s at {stack.base_url}", file=sys.stderr)
            died = _wait(stopping, options.data_dir)
        finally:
            stack.stop()
    finally:
        store.stop(options.data_dir)
        os.close(held)
    return 1 if died else 0


def stop_serving(data_dir: Path) -> bool:
    """Ask the stack that runs on `data_dir` to stop and wait for it; False when none does."""
    try:
        pid = int(announced(data_dir)["pid"])
    except ControlError:
        return False
    try:
        os.close(lock(data_dir))
    except ServeError:
        os.kill(pid, signal.SIGTERM)
    else:
        return False  # it was killed and left its record behind
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            os.close(lock(data_dir))
        except ServeError:
            time.sleep(_LOOK_SECONDS)
        else:
            return True
    message = f"the stack of {data_dir}, process {pid}, did not stop within {_STOP_SECONDS} seconds"
    raise ServeError(message)


def _wait(stopping: threading.Event, data_dir: Path) -> bool:
    """Until a signal; True when the store ended instead."""
    while not stopping.wait(_WATCH_SECONDS):
        if not store.is_held(data_dir):
            _LOG.error("the store process ended; see %s", data_dir / "store" / "store.log")
            return True
    return False

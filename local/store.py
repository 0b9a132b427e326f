"""The store process of a data directory: start it, find it alive again, stop it so that it saves everything.

The process runs in a session of its own and outlives whoever started it; only `stop` ends it, by SIGTERM, and waits.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.aws import CREDENTIALS

PROJECT: Final = Path(__file__).resolve().parent.parent
INTERPRETER: Final = PROJECT / ".venv-ministack" / "bin" / "python"
LAUNCHER: Final = Path(__file__).with_name("store_process.py")
DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens addresses of this machine, past any proxy of the shell."""
_STARTED: Final[list[subprocess.Popen[bytes]]] = []
"""Children of this process, kept to be reaped: a store may well outlive us."""
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 660  # more than the launcher's own limit for its last save
_POLL_SECONDS: Final = 0.02


class StoreError(Exception):
    """The store process cannot be started, reached or stopped; the message says why."""


@dataclass(frozen=True, slots=True)
class Store:
    """A live store process."""

    pid: int
    endpoint: str


def _folder(data_dir: Path) -> Path:
    return data_dir / "store"


def _identity(data_dir: Path) -> str:
    """A name that belongs to this data directory alone, made once."""
    file = _folder(data_dir) / "identity"
    if not file.exists():
        file.write_text(str(uuid.uuid4()))
    return file.read_text().strip()


def is_held(data_dir: Path) -> bool:
    """Whether a store process has the directory's lock. A process that ended, even unreaped, has it no more."""
    file = _folder(data_dir) / "store.lock"
    if not file.exists():
        return False
    with file.open("r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _ask(port: int) -> dict[str, Any] | None:
    try:
        with DIRECT.open(f"http://127.0.0.1:{port}/_store/identity", timeout=5) as answer:
            content = json.loads(answer.read())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def find(data_dir: Path) -> Store | None:
    """The live store of `data_dir`: its record, its lock and its own answer must agree; None when there is none."""
    if not is_held(data_dir):
        return None
    try:
        recorded = json.loads((_folder(data_dir) / "store.json").read_text())
        pid, port = int(recorded["pid"]), int(recorded["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    answer = _ask(port)
    if answer is None or answer.get("identity") != _identity(data_dir) or answer.get("pid") != pid:
        return None
    return Store(pid, f"http://127.0.0.1:{port}")


def start(data_dir: Path) -> Store:
    """The store of `data_dir`: the one that is alive, else a new process that loads the saved state."""
    folder = _folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + _START_SECONDS
    process: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        if (alive := find(data_dir)) is not None:
            return alive
        if process is not None and process.poll() is not None:
            message = f"the store process ended with status {process.returncode}; see {folder / 'store.log'}"
            raise StoreError(message)
        # A lock without an answer is a store that starts or stops: wait for it.
        if process is None and not is_held(data_dir):
            process = _launch(data_dir)
            _STARTED.append(process)
        time.sleep(_POLL_SECONDS)
    message = f"no store answered within {_START_SECONDS} seconds; see {folder / 'store.log'}"
    raise StoreError(message)


def _launch(data_dir: Path) -> subprocess.Popen[bytes]:
    if not INTERPRETER.exists():
        message = f"{INTERPRETER} is missing: run `make install`"
        raise StoreError(message)
    folder = _folder(data_dir)
    command = [INTERPRETER, "-P", LAUNCHER, folder, _identity(data_dir), data_dir / "checkpoints.json"]
    # Only what an interpreter needs: settings of AWS or of ministack in the caller's shell must not reach the store.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment |= CREDENTIALS  # the store checks the signature of presigned URLs by them
    with (folder / "store.log").open("wb") as log:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )


def stop(data_dir: Path) -> bool:
    """Stop the store of `data_dir` and wait until its state is saved; False when none was running."""
    deadline = time.monotonic() + _STOP_SECONDS
    asked: int | None = None
    while is_held(data_dir):
        if asked is None and (alive := find(data_dir)) is not None:
            asked = alive.pid
            os.kill(asked, signal.SIGTERM)
        if time.monotonic() > deadline:
            message = f"the store of {data_dir} did not stop within {_STOP_SECONDS} seconds"
            raise StoreError(message)
        time.sleep(_POLL_SECONDS)
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]
    return asked is not None

"""The demo's own embedded stack: a server on a free port whose data is gone afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY_SECONDS: Final = 60  # a cold machine compiles the packages first
STOP_SECONDS: Final = 30  # the store saves its state when it stops
LOG_TAIL_CHARACTERS: Final = 4_000


class StackError(Exception):
    """The embedded stack did not come up; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API is and how to be let in."""

    base_url: str
    org_id: str
    api_key: str
    api_secret: str


@contextmanager
def running_stack() -> Iterator[Credentials]:
    """Start the stack, wait until it answers, stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="usance-demo-") as folder:
        data, credentials, log = Path(folder, "data"), Path(folder, "credentials.json"), Path(folder, "serve.log")
        port = _free_port()
        command = [sys.executable, "-m", "local", "serve", "--port", str(port)]
        command += ["--data-dir", str(data), "--credentials", str(credentials), "--fresh"]
        environment = {**os.environ, "WEBHOOK_ALLOWED_HOSTS": "127.0.0.1"}  # the demo's receiver is on this machine
        with log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
            try:
                yield _ready(server, credentials, log)
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(STOP_SECONDS)


def _ready(server: "subprocess.Popen[bytes]", credentials: Path, log: Path) -> Credentials:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if credentials.exists():
            return Credentials(**json.loads(credentials.read_text(encoding="utf-8")))
        if server.poll() is not None:
            raise StackError(f"the embedded stack stopped with status {server.returncode}:\n{_tail(log)}")
        time.sleep(0.05)
    raise StackError(f"the embedded stack was not ready after {READY_SECONDS} seconds:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARACTERS:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

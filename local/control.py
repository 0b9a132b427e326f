"""How the command line talks to a running stack: a second address on loopback that asks for the data directory's token."""

import http.server
import json
import logging
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from local.first_start import write_private
from local.store import DIRECT

_LOG: Final = logging.getLogger("local.control")
_TIMEOUT_SECONDS: Final = 900
_BODY_BYTES_MAX: Final = 16 * 1024 * 1024
_RECORD: Final = "serve.json"

Command = Callable[[Mapping[str, Any]], Any]


class ControlError(Exception):
    """No stack is running, or it refused; the message says which."""


class Control:
    """Answers commands until the process ends."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        """`commands` by name; a command that raises answers with its message."""
        self.token = secrets.token_urlsafe(24)
        token = self.token

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                if not secrets.compare_digest(self.headers.get("authorization", ""), token) or length > _BODY_BYTES_MAX:
                    self._answer(403, {"error": "not this data directory's token"})
                    return
                command = commands.get(self.path.strip("/"))
                if command is None:
                    self._answer(404, {"error": f"no command {self.path}"})
                    return
                try:
                    result = command(json.loads(self.rfile.read(length) or b"{}"))
                except Exception as failed:  # noqa: BLE001 -- whatever failed is for the caller to read
                    self._answer(500, {"error": str(failed), "type": type(failed).__name__})
                else:
                    self._answer(200, {"result": result})

            def _answer(self, status: int, content: Mapping[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is the base class's
                _LOG.debug(format, *args)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answer in a thread of its own."""
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def announce(self, data_dir: Path, pid: int, base_url: str) -> None:
        """Say where this stack is, in a file of the data directory."""
        record = {"pid": pid, "base_url": base_url, "control_url": self.url, "token": self.token}
        write_private(data_dir / _RECORD, record)


def withdraw(data_dir: Path) -> None:
    """The stack of this data directory is no longer there."""
    (data_dir / _RECORD).unlink(missing_ok=True)


def announced(data_dir: Path) -> dict[str, Any]:
    """What the running stack says of itself; raises `ControlError` when none announced itself."""
    try:
        record = json.loads((data_dir / _RECORD).read_text())
    except (OSError, ValueError) as absent:
        message = f"no stack is running on {data_dir}: start one with `python -m local serve --data-dir {data_dir}`"
        raise ControlError(message) from absent
    return dict(record)


def ask(data_dir: Path, command: str, arguments: Mapping[str, Any]) -> Any:
    """Run a command in the running stack; returns its result. Raises `ControlError`."""
    record = announced(data_dir)
    request = urllib.request.Request(
        f"{record['control_url']}/{command}",
        data=json.dumps(arguments).encode(),
        headers={"authorization": record["token"]},
        method="POST",
    )
    try:
        with DIRECT.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read())["result"]
    except urllib.error.HTTPError as refused:
        content = json.loads(refused.read())
        message = f"{content.get('type', 'refused')}: {content['error']}"
        raise ControlError(message) from refused
    except OSError as unreachable:
        message = f"no stack is running on {data_dir}: {unreachable}"
        raise ControlError(message) from unreachable

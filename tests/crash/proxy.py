"""A proxy between the functions and the store that can cut the line at a chosen request.

That is how a crash between store and answer is made certain: the store has done its part, and nobody hears of it.
"""

import contextlib
import http.client
import http.server
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    """One request of a function to the store."""

    target: str
    body: bytes

    def writes(self, table: str) -> bool:
        action = self.target.rpartition(".")[2]
        return action in {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"} and (
            f'"{table}"'.encode() in self.body
        )


@dataclass
class Trap:
    """Springs once, at the first call that it is set for: before the store sees the call, or after it answered."""

    wanted: Callable[[Call], bool]
    before: bool = False

    def __post_init__(self) -> None:
        self.sprung = threading.Event()
        self._lock = threading.Lock()

    def catches(self, call: Call, *, before: bool) -> bool:
        with self._lock:
            if self.sprung.is_set() or before != self.before or not self.wanted(call):
                return False
            self.sprung.set()
            return True


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: "_Server"

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):  # the functions are killed while they talk to us
            super().handle()

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        call, trap = Call(self.headers.get("x-amz-target", ""), body), self.server.trap
        if trap is not None and trap.catches(call, before=True):
            self.hang()
            return
        status, headers, content = _ask(self.server.store(), self.command, self.path, dict(self.headers), body)
        if trap is not None and trap.catches(call, before=False):
            self.hang()
            return
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 -- the base class looks for these names

    def hang(self) -> None:
        """Until the caller is gone."""
        self.connection.settimeout(60)
        with contextlib.suppress(OSError):
            self.connection.recv(1)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Callable[[], str]) -> None:
        self.store = store
        self.trap: Trap | None = None
        super().__init__(("127.0.0.1", 0), _Handler)


class CuttingProxy:
    """Forwards to the store; a call that falls into the trap is never answered."""

    def __init__(self, store: Callable[[], str]) -> None:
        self._server = _Server(store)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def set(self, trap: Trap | None) -> None:
        self._server.trap = trap


def _ask(
    store: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(store).netloc, timeout=60)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()

"""A proxy between the functions and the store that can cut the line at a chosen request, or disturb any request.

That is how a crash between store and answer is made certain: the store has done its part, and nobody hears of it.
"""

import contextlib
import http.client
import http.server
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
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


class Fault(Enum):
    """What may happen to a call."""

    THROTTLED = "refused as too many"
    LOST = "done, and the answer lost"
    TWICE = "done twice"


Disturb = Callable[[Call], Fault | None]


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


class Between(http.server.BaseHTTPRequestHandler):
    """Stands between a client of AWS and a store."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece

    def handle_expect_100(self) -> bool:
        """Let the body of an upload come: the client would wait a second for this answer if it stayed in the buffer."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Handler(Between):
    server: "_Server"

    def setup(self) -> None:
        super().setup()
        self.line: http.client.HTTPConnection | None = None  # to the store, as long as the function's to us

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):  # the functions are killed while they talk to us
            super().handle()

    def finish(self) -> None:
        if self.line:
            self.line.close()
        super().finish()

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        call, trap = Call(self.headers.get("x-amz-target", ""), body), self.server.trap
        if trap is not None and trap.catches(call, before=True):
            self.hang()
            return
        fault = self.server.disturb(call)
        if fault is Fault.THROTTLED:
            self.answer(*_too_many(call))
            return
        if fault is Fault.TWICE:
            self.ask(body)
        answer = self.ask(body)
        if trap is not None and trap.catches(call, before=False):
            self.hang()
        elif fault is Fault.LOST:
            self.close_connection = True
        else:
            self.answer(*answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 -- the base class looks for these names

    def ask(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """What the store answers. A line that it closed since the last request is opened again."""
        if self.line:
            with contextlib.suppress(http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                return self.ask_on(self.line, body)
            self.line.close()
        self.line = http.client.HTTPConnection(urlsplit(self.server.store()).netloc, timeout=60)
        return self.ask_on(self.line, body)

    def ask_on(self, line: http.client.HTTPConnection, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        line.request(self.command, self.path, body, dict(self.headers))
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hang(self) -> None:
        """Until the caller is gone."""
        self.connection.settimeout(60)
        with contextlib.suppress(OSError):
            self.connection.recv(1)
        self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Callable[[], str]) -> None:
        self.store = store
        self.trap: Trap | None = None
        self.disturb: Disturb = _nothing
        super().__init__(("127.0.0.1", 0), _Handler)


class CuttingProxy:
    """Forwards to the store; a call that falls into the trap is never answered, others fare as `disturb` says."""

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

    def disturb(self, disturb: Disturb) -> None:
        self._server.disturb = disturb


def _nothing(_call: Call) -> None:
    """Leave the call alone."""


def _too_many(call: Call) -> tuple[int, Mapping[str, str], bytes]:
    """How DynamoDB, SQS (both in JSON) and S3 (in XML) refuse a call for now."""
    if not call.target:
        body = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        return 503, {"content-type": "application/xml"}, body
    kind = "ProvisionedThroughputExceededException" if call.target.startswith("DynamoDB") else "RequestThrottled"
    body = json.dumps({"__type": f"com.amazonaws#{kind}", "message": "too many requests"}).encode()
    return 400, {"content-type": "application/x-amz-json-1.0"}, body

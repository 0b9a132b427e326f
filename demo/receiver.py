"""A receiver of webhooks that checks the signature of what it gets, as docs/webhooks.md describes."""

import hashlib
import hmac
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

BODY_MAX_BYTES: Final = 2_000_000
AGE_MAX_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it came in, at `arrived` of the performance counter.

    `verified` says whether its signature was ours and its time recent.
    """

    headers: dict[str, str]
    body: bytes
    verified: bool
    arrived: float


@dataclass
class Receiver:
    """Answers 200 to signed requests and 401 to others. `url` is where it listens."""

    api_key: str
    secret: str
    url: str = ""
    _deliveries: "queue.Queue[Delivery]" = field(default_factory=queue.Queue)

    def next(self, timeout_seconds: int) -> Delivery:
        """The next delivery; `queue.Empty` when none comes in time."""
        return self._deliveries.get(timeout=timeout_seconds)

    def accept(self, headers: dict[str, str], body: bytes) -> bool:
        """Verify and keep a delivery."""
        delivery = Delivery(headers, body, self.verifies(headers, body), time.perf_counter())
        self._deliveries.put(delivery)
        return delivery.verified

    def verifies(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether the signature over time and raw body is made with our secret, and not long ago."""
        sent = headers.get("x-m3ter-timestamp", "")
        if not sent.isascii() or not sent.isdecimal() or abs(time.time() - int(sent)) > AGE_MAX_SECONDS:
            return False
        signature = hmac.new(self.secret.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
        claimed = headers.get("x-m3ter-signature", "").encode(errors="replace")
        return headers.get("x-m3ter-api-key") == self.api_key and hmac.compare_digest(signature.encode(), claimed)


@contextmanager
def running_receiver(api_key: str, secret: str) -> Iterator[Receiver]:
    """Listen on a free port of this machine."""
    receiver = Receiver(api_key, secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("content-length", "0")), BODY_MAX_BYTES)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(200 if receiver.accept(headers, self.rfile.read(length)) else 401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the demo prints what it received."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/usance"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()

"""What stands between functions and the store must not hold up uploads."""

import http.server
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from benchmarks.metered import MeteringProxy
from tests.crash.proxy import CuttingProxy

WAIT_SECONDS = 5


class _Store(http.server.BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response_only(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def store() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=[MeteringProxy, CuttingProxy])
def proxy(request: pytest.FixtureRequest, store: str) -> Iterator[str]:
    made = request.param(lambda: store)
    if isinstance(made, CuttingProxy):
        made.start()
    yield made.url
    made.stop()


def test_a_client_that_asks_first_is_told_to_go_on_before_it_sends_the_body(proxy: str) -> None:
    address = urlsplit(proxy)
    with socket.create_connection((address.hostname or "", address.port or 0), WAIT_SECONDS) as line:
        line.sendall(b"PUT /key HTTP/1.1\r\nHost: s3\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 100 ")
        line.sendall(b"x")
        assert line.recv(100).startswith(b"HTTP/1.1 200 ")

"""Where deliveries of the stack arrive."""

import http.server
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets and answers the status that its path ends with."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.deliveries.put(({name.lower(): value for name, value in self.headers.items()}, body))  # type: ignore[attr-defined]
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def receiving() -> Iterator[Any]:
    """A server on the loopback. `deliveries` is a queue of the headers and the body of each."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        server.deliveries = queue.Queue()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

"""Receivers of webhooks on this machine, good and bad, speaking raw HTTP."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """A server on a free port of loopback, and what it was sent."""

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


Behaviour = Callable[[socket.socket], None]


@contextmanager
def receiver(
    behave: Behaviour, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[Receiver]:
    """A receiver that reads a request and then does as `behave` says, for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        up = Receiver(server.getsockname()[1])
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    plain, _ = server.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=talk, args=(plain,), daemon=True).start()

        def talk(plain: socket.socket) -> None:
            try:
                with wrap(plain) as connection:
                    up.requests.append(_request(connection))
                    behave(connection)
            except OSError:  # the sender hung up, as it should on some of these
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield up
        finally:
            stop.set()
            thread.join()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(status: str, *headers: str, body: bytes = b"") -> Behaviour:
    """Answer at once."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


def silence(connection: socket.socket) -> None:
    """Never answer."""
    connection.recv(1)


def trickle_head(connection: socket.socket) -> None:
    """Send a head that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def trickle_body(connection: socket.socket) -> None:
    """Send a body that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def flood(connection: socket.socket) -> None:
    """Send a body of a gigabyte, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    chunk = b"x" * 65536
    while True:
        connection.sendall(chunk)


def nonsense(connection: socket.socket) -> None:
    """Speak no HTTP."""
    connection.sendall(b"220 mail.example.com ESMTP\r\n")


def hang_up(connection: socket.socket) -> None:
    """Close without a word."""

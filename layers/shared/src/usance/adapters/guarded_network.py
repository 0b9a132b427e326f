"""Connections to checked addresses alone, within a time that no receiver can stretch.

Below TLS and HTTP: the host is resolved, every address of it must be public, and the connection goes to the address that
was checked, so a name cannot resolve to something else in between. Host header, TLS name and certificate check stay
those of the URL.
"""

import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any

import httpcore

from usance.domain.notifications.addresses import is_public

Resolve = Callable[[str, int], list[str]]
"""Host and port to addresses; raises OSError when there are none."""


class RefusedAddressError(Exception):
    """The host leads to an address that webhooks may not reach."""


class Deadline:
    """The moment when an attempt ends, whatever the receiver is doing."""

    def __init__(self, at: float) -> None:
        self._at = at

    def left(self) -> float:
        """Seconds left; raises `httpcore.ReadTimeout` when there are none."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects to checked addresses only, and gives every operation the time that is left."""

    def __init__(self, resolve: Resolve, deadline: Deadline, *, trusted: bool) -> None:
        self._resolve = resolve
        self._deadline = deadline
        self._trusted = trusted
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - one deadline for all
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        addresses = checked_addresses(host, port, self._resolve, self._deadline, trusted=self._trusted)
        failed: httpcore.ConnectError | None = None
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, self._deadline.left(), local_address, socket_options)
            except httpcore.ConnectError as fault:
                failed = fault
            else:
                return _Timed(stream, self._deadline)
        raise failed or httpcore.ConnectError(f"{host} has no address")


class _Timed(httpcore.NetworkStream):
    """A connection whose reads and writes share one deadline, so that a trickle of bytes cannot hold it open."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - one deadline for all
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - one deadline for all
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - one deadline for all
    ) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def checked_addresses(host: str, port: int, resolve: Resolve, deadline: Deadline, *, trusted: bool) -> list[str]:
    """The addresses of a host, every one of them public unless the host is trusted."""
    pool = ThreadPoolExecutor(1)  # a resolver cannot be interrupted; it is left to end by itself
    try:
        addresses = pool.submit(resolve, host, port).result(deadline.left())
    except Late as late:
        raise httpcore.ConnectTimeout from late
    except (OSError, UnicodeError) as unknown:
        raise httpcore.ConnectError(f"the host {host} does not resolve") from unknown
    finally:
        pool.shutdown(wait=False)
    if not trusted and not all(is_public(address) for address in addresses):
        raise RefusedAddressError(
            f"the host {host} leads to a private address; only the public internet is reached, and hosts"
            " that the deployment's parameter WebhookAllowedHosts names"
        )
    return addresses


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses of a host, by the resolver of the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))

"""One HTTP request over a guarded connection, bounded in time and in what is read of the answer.

httpcore is the connection layer of httpx; it follows no redirect and reads no proxy settings.
"""

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Final, TypedDict
from urllib.parse import urlsplit

import httpcore

from usance.adapters.clock import SystemClock
from usance.adapters.guarded_network import (
    Deadline,
    GuardedNetwork,
    RefusedAddressError,
    Resolve,
    checked_addresses,
    resolve_host,
)
from usance.application.ports.clock import Clock
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import Fault

URL_MAX_CHARS: Final = 2_048
_PORTS: Final = {"http": 80, "https": 443}
_VISIBLE: Final = re.compile(r"[!-~]*")


class NoAnswerError(Exception):
    """A request that got no answer; `detail` quotes no header and no body."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(detail or fault.value)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as far as it was read; `whole` unless it was longer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    retry_after: timedelta | None
    whole: bool


class Guarded(TypedDict, total=False):
    """How requests are made, where it shall not be as usual."""

    timeout_seconds: float
    answer_max_bytes: int
    resolve: Resolve
    tls: ssl.SSLContext | None
    clock: Clock | None


class GuardedHttp:
    """Requests to public addresses. `allowed_hosts` (`host` or `host:port`) may be private and may speak plain HTTP."""

    def __init__(
        self,
        allowed_hosts: Iterable[str],
        *,
        user_agent: str,
        timeout_seconds: float,
        answer_max_bytes: int,
        resolve: Resolve = resolve_host,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._allowed = frozenset(host.strip().lower() for host in allowed_hosts if host.strip())
        self._user_agent = user_agent
        self._timeout_seconds = timeout_seconds
        self._answer_max_bytes = answer_max_bytes
        self._resolve = resolve
        self._given_tls = tls
        self._clock = clock or SystemClock()

    def check(self, url: str) -> None:
        """Refuse (`InvalidInputError`) a URL whose scheme, host or address may not be reached, or that has no address."""
        host, port = self._parts(url)
        try:
            checked_addresses(host, port, self._resolve, self._deadline(), trusted=self._trusted(host, port))
        except RefusedAddressError as refused:
            raise InvalidInputError(f"url: {refused}") from refused
        except (httpcore.ConnectError, httpcore.TimeoutException) as unknown:
            raise InvalidInputError(f"url: the host {host} does not resolve; check its spelling") from unknown

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Given:
        """The answer, whatever its status. `NoAnswerError` when there is none."""
        try:
            host, port = self._parts(url)
            return self._exchange(method, url, host, port, headers, body)
        except InvalidInputError as refused:
            raise NoAnswerError(Fault.REFUSED_ADDRESS, refused.message) from refused
        except RefusedAddressError as refused:
            raise NoAnswerError(Fault.REFUSED_ADDRESS, str(refused)) from refused
        except (httpcore.LocalProtocolError, UnicodeError) as ours:
            raise NoAnswerError(Fault.INVALID_REQUEST, type(ours).__name__) from None  # the text may quote credentials
        except httpcore.TimeoutException as late:
            raise NoAnswerError(Fault.TIMEOUT) from late
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as fault:
            raise NoAnswerError(Fault.UNREACHABLE, str(fault)) from fault

    def _exchange(self, method: str, url: str, host: str, port: int, headers: Mapping[str, str], body: bytes) -> Given:
        deadline = self._deadline()
        backend = GuardedNetwork(self._resolve, deadline, trusted=self._trusted(host, port))
        named = {"Host": urlsplit(url).netloc, "User-Agent": self._user_agent, **headers}
        sent = [(name.encode("ascii"), value.encode("ascii")) for name, value in named.items()]
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, retries=0) as pool,
            pool.stream(method, url, headers=sent, content=body) as answer,
        ):
            chunks, read = [], 0
            for chunk in answer.iter_stream():
                read += len(chunk)
                chunks.append(chunk)
                if read > self._answer_max_bytes:
                    break
            return Given(
                status=answer.status,
                headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers},
                body=b"".join(chunks)[: self._answer_max_bytes],
                retry_after=_retry_after(answer.headers, self._clock.now()),
                whole=read <= self._answer_max_bytes,
            )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def _parts(self, url: str) -> tuple[str, int]:
        """Host and port; `InvalidInputError` for a URL that may not be reached."""
        if len(url) > URL_MAX_CHARS:
            raise InvalidInputError(f"url: has {len(url)} characters; the limit is {URL_MAX_CHARS}")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        except ValueError as malformed:
            raise InvalidInputError("url: is not a URL; give one such as https://example.com/webhooks") from malformed
        if parts.scheme not in _PORTS or not host or not port or not _VISIBLE.fullmatch(url):
            raise InvalidInputError("url: must be an https URL such as https://example.com/webhooks")
        if "@" in parts.netloc:
            raise InvalidInputError("url: must hold no user name or password; receivers check the signature")
        if parts.scheme == "http" and not self._trusted(host, port):
            raise InvalidInputError(
                "url: must start with https://, since deliveries hold business data; only hosts that the deployment's parameter"
                " WebhookAllowedHosts names may do without"
            )
        return host, port

    def _trusted(self, host: str, port: int) -> bool:
        return host.lower() in self._allowed or f"{host.lower()}:{port}" in self._allowed

    def _deadline(self) -> Deadline:
        return Deadline(time.monotonic() + self._timeout_seconds)


def _retry_after(headers: list[tuple[bytes, bytes]], now: datetime) -> timedelta | None:
    """What Retry-After asks for, in either of its forms; None when it is absent or makes no sense."""
    text = next(
        (value.decode("ascii", "replace").strip() for name, value in headers if name.lower() == b"retry-after"), ""
    )
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max((until if until.tzinfo else until.replace(tzinfo=UTC)) - now, timedelta(0))

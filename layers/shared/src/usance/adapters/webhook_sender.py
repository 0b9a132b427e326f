"""Outgoing webhooks: one POST over a guarded connection, and what the receiver answered.

httpcore is the connection layer of httpx; it follows no redirect and reads no proxy settings.
"""

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Final
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
from usance.domain.notifications.delivery import Fault, Outcome

TIMEOUT_SECONDS: Final = 10.0  # for all of it: resolving, connecting, sending, reading
ANSWER_MAX_BYTES: Final = 65_536  # what is read of an answer; the status is what counts
ANSWER_KEPT_BYTES: Final = 1_000  # what the log of a run shows of it
URL_MAX_CHARS: Final = 2_048
USER_AGENT: Final = "Usance-Webhooks/1"
_PORTS: Final = {"http": 80, "https": 443}
_VISIBLE: Final = re.compile(r"[!-~]*")


class HttpWebhookSender:
    """`WebhookSender` over HTTP. `allowed_hosts` (`host` or `host:port`) may be private and may speak plain HTTP."""

    def __init__(
        self,
        allowed_hosts: Iterable[str] = (),
        *,
        resolve: Resolve = resolve_host,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._allowed = frozenset(host.strip().lower() for host in allowed_hosts if host.strip())
        self._resolve = resolve
        self._timeout_seconds = timeout_seconds
        self._given_tls = tls
        self._clock = clock or SystemClock()

    def check(self, url: str) -> None:
        """See the port."""
        host, port = self._parts(url)
        try:
            checked_addresses(host, port, self._resolve, self._deadline(), trusted=self._trusted(host, port))
        except RefusedAddressError as refused:
            raise InvalidInputError(f"url: {refused}") from refused
        except (httpcore.ConnectError, httpcore.TimeoutException) as unknown:
            raise InvalidInputError(f"url: the host {host} does not resolve; check its spelling") from unknown

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """See the port."""
        try:
            host, port = self._parts(url)
            return self._post(url, host, port, body, headers)
        except InvalidInputError as refused:
            return Outcome(fault=Fault.REFUSED_ADDRESS, detail=refused.message)
        except RefusedAddressError as refused:
            return Outcome(fault=Fault.REFUSED_ADDRESS, detail=str(refused))
        except (httpcore.LocalProtocolError, UnicodeError) as ours:
            return Outcome(fault=Fault.INVALID_REQUEST, detail=type(ours).__name__)  # the text may quote credentials
        except httpcore.TimeoutException:
            return Outcome(fault=Fault.TIMEOUT)
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as fault:
            return Outcome(fault=Fault.UNREACHABLE, detail=str(fault))

    def _post(self, url: str, host: str, port: int, body: bytes, headers: Mapping[str, str]) -> Outcome:
        deadline = self._deadline()
        backend = GuardedNetwork(self._resolve, deadline, trusted=self._trusted(host, port))
        named = {"Host": urlsplit(url).netloc, "User-Agent": USER_AGENT, **headers}
        sent = [(name.encode("ascii"), value.encode("ascii")) for name, value in named.items()]
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, retries=0) as pool,
            pool.stream("POST", url, headers=sent, content=body) as answer,
        ):
            read, kept = 0, b""
            for chunk in answer.iter_stream():
                read += len(chunk)
                kept += chunk[: ANSWER_KEPT_BYTES - len(kept)]
                if read > ANSWER_MAX_BYTES:
                    break
            retry_after = _retry_after(answer.headers, self._clock.now())
            return Outcome(status=answer.status, retry_after=retry_after, answer=kept.decode(errors="replace"))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def _parts(self, url: str) -> tuple[str, int]:
        """Host and port; `InvalidInputError` for a URL that webhooks may not have."""
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
            raise InvalidInputError("url: must start with https://, since deliveries hold business data")
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

"""Buckets of others in Google Cloud Storage, written to by resumable uploads of its JSON API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Protocol
from urllib.parse import quote

import httpcore

from usance.adapters.gcs.identity import TIMEOUT_SECONDS, GoogleIdentity, is_busy, seconds
from usance.domain.kernel.errors import InvalidInputError, UnavailableError
from usance.resources.wire import Document

STORAGE_URL: Final = "https://storage.googleapis.com"
PART_BYTES: Final = 8 * 1024 * 1024  # held in memory; a multiple of 256 KiB, which every part but the last must be
ATTEMPTS_MAX: Final = 4  # for a part
_GO_ON: Final = 308
_STORED_UP_TO: Final = re.compile(r"bytes=0-(\d+)")


def google_export_targets(sts: Any, role: str) -> "GoogleExportTargets":
    """Those of a deployment, whose sessions of `role` Google is shown."""
    http = httpcore.ConnectionPool()
    return GoogleExportTargets(GoogleIdentity(sts, role, sts.meta.region_name, http), http)


class Identity(Protocol):
    """Who we are to Google."""

    def token(self, org_id: str, destination: Document) -> str:
        """An access token."""
        ...


class GoogleExportTargets:
    """`ExportTargets` over Google Cloud Storage."""

    def __init__(self, identity: Identity, http: httpcore.ConnectionPool, storage_url: str = STORAGE_URL) -> None:
        self._identity = identity
        self._http = http
        self._storage_url = storage_url

    def put(self, org_id: str, destination: Document, key: str, stream: BinaryIO, headers: Mapping[str, str]) -> None:
        """See the port."""
        token = self._identity.token(org_id, destination)
        bucket = quote(destination["bucketName"], safe="")
        url = f"{self._storage_url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name={quote(key, safe='')}"
        about = {
            "Authorization": f"Bearer {token}",
            "Content-Length": "0",
            "X-Upload-Content-Type": headers["ContentType"],
        }
        upload = _Upload(self._http, destination, "")
        begun = upload.ask("POST", url, about)
        upload.url = _header(begun, "location")
        part, at = stream.read(PART_BYTES), 0
        while True:
            following = stream.read(PART_BYTES) if len(part) == PART_BYTES else b""
            upload.send(part, at, last=not following)
            if not following:
                return
            part, at = following, at + len(part)


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of a file: its first byte, and the one behind its last."""

    at: int
    end: int
    last: bool

    def headers(self, sent: int, span: str = "") -> Mapping[str, str]:
        """Of a request with what follows byte `sent`, or of a question about how much is there."""
        total = self.end if self.last else "*"
        return {
            "Content-Range": f"bytes {span or f'{sent}-{self.end - 1}'}/{total}",
            "Content-Length": str(self.end - sent),
        }


@dataclass(slots=True)
class _Upload:
    """A file that goes into a bucket part by part; `url` is its session's."""

    http: httpcore.ConnectionPool
    destination: Document
    url: str

    def send(self, part: bytes, at: int, *, last: bool) -> None:
        """Send what begins at byte `at` of the file; after a break, what the bucket has not got of it."""
        span = _Span(at, at + len(part), last=last)
        sent: int | None = at
        for attempt in range(ATTEMPTS_MAX):
            try:
                if attempt:
                    sent = self._stored(self.ask("PUT", self.url, span.headers(span.end, "*")), span)
                if sent is not None:
                    answer = self.ask("PUT", self.url, span.headers(sent), part[sent - at :])
                    sent = self._stored(answer, span)
                if sent is None:
                    return
            except UnavailableError:
                if attempt + 1 == ATTEMPTS_MAX:
                    raise
        raise self._failed("it does not take the whole file")

    def _stored(self, answer: httpcore.Response, span: "_Span") -> int | None:
        """Up to where the bucket has what was sent; None when that is all of it."""
        found = _STORED_UP_TO.fullmatch(_header(answer, "range"))
        stored = int(found[1]) + 1 if found else 0
        if answer.status != _GO_ON or (stored == span.end and not span.last):
            return None
        if not span.at <= stored <= span.end:
            raise self._failed(f"it has {stored} bytes of a part from {span.at} to {span.end}")
        return stored

    def ask(self, method: str, url: str, headers: Mapping[str, str], content: bytes = b"") -> httpcore.Response:
        """The answer, when it is a good one."""
        try:
            answer = self.http.request(
                method,
                url,
                headers=list(headers.items()),
                content=content,
                extensions={"timeout": seconds(TIMEOUT_SECONDS)},
            )
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as failed:
            raise self._failed(type(failed).__name__) from failed
        if answer.status in {200, 201, _GO_ON}:
            return answer
        if is_busy(answer.status):
            raise self._failed(f"it answers {answer.status}")
        raise InvalidInputError(
            f"the destination {self.destination['code']} refuses the file: {answer.status}; check that it may write "
            f"objects into the bucket {self.destination['bucketName']}"
        )

    def _failed(self, reason: str) -> UnavailableError:
        return UnavailableError(f"the destination {self.destination['code']} is busy: {reason}")


def _header(answer: httpcore.Response, name: str) -> str:
    return next((value.decode() for key, value in answer.headers if key.decode().lower() == name), "")

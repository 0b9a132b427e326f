"""Writing into a bucket of Google Cloud Storage (metering.md 8.3): the documented requests, answered by a server on this machine."""

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpcore
import pytest
from botocore.exceptions import ClientError

from usance.adapters.export_targets import ExportTargetsByType
from usance.adapters.gcs import export_targets
from usance.adapters.gcs.export_targets import ATTEMPTS_MAX, GoogleExportTargets
from usance.adapters.gcs.identity import GoogleIdentity
from usance.domain.kernel.errors import InvalidInputError, UnavailableError

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"
ROLE = "arn:aws:iam::000000000000:role/usance-ExportIdentityRole"
DESTINATION = {
    "code": "lake",
    "destinationType": "GCS",
    "bucketName": "their-lake",
    "projectNumber": "123456",
    "poolId": "usance",
    "providerId": "aws",
}
AUDIENCE = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/usance/providers/aws"
HEADERS = {"ContentType": "application/gzip"}
PART = 1_000


class Google(ThreadingHTTPServer):
    """Tokens, service accounts and one bucket. `faults` are what the next parts meet: a status, `cut` or `half`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.exchanges: list[dict[str, str]] = []
        self.impersonated: list[str] = []
        self.begun: list[dict[str, Any]] = []
        self.spans: list[str] = []
        self.faults: list[int | str] = []
        self.refuse: dict[str, int] = {}
        self.content = bytearray()
        self.whole = False


class _Handler(BaseHTTPRequestHandler):
    server: Google
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self.rfile.read(int(self.headers.get("content-length", 0)))
        if (status := self.server.refuse.get(path)) is not None:
            self.answer(status, {"error": "invalid_grant", "error_description": "the attribute condition rejects it"})
        elif path == "/v1/token":
            self.server.exchanges.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
            self.answer(200, {"access_token": "federated", "expires_in": 3600, "token_type": "Bearer"})
        elif path.endswith(":generateAccessToken"):
            assert self.headers["authorization"] == "Bearer federated"
            self.server.impersonated.append(unquote(path))
            expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.answer(200, {"accessToken": "impersonated", "expireTime": expires})
        else:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            about = {name: self.headers[name] for name in ("authorization", "x-upload-content-type")}
            self.server.begun.append({"path": path, **query, **about})
            self.answer(200, {}, {"Location": f"{self.server.url}/session"})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        span = self.headers["content-range"]
        self.server.spans.append(span)
        if span.startswith("bytes */"):
            self.told()
            return
        start, end, total = (re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", span) or pytest.fail(span)).groups()
        assert (int(start), int(end)) == (len(self.server.content), len(self.server.content) + len(body) - 1)
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            self.answer(fault, {})
            return
        self.server.content += body[: len(body) // 2] if fault == "half" else body
        self.server.whole = total == str(len(self.server.content))
        if fault == "cut":
            self.close_connection = True
            return
        self.told()

    def told(self) -> None:
        stored = len(self.server.content)
        if self.server.whole:
            self.answer(200, {"size": str(stored)})
        else:
            self.answer(308, None, {"Range": f"bytes=0-{stored - 1}"} if stored else {})

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Sts:
    """Sessions of roles. Refuses with `code`."""

    def __init__(self, code: str = "") -> None:
        self.code = code
        self.calls: list[dict[str, Any]] = []

    def assume_role(self, **call: Any) -> Any:
        self.calls.append(call)
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "AssumeRole")
        return {"Credentials": {"AccessKeyId": "ASIAKEY", "SecretAccessKey": "s", "SessionToken": "session"}}


@pytest.fixture
def google() -> Iterator[Google]:
    with Google() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_targets, "PART_BYTES", PART)


@contextmanager
def targets(google: Google, sts: Sts | None = None) -> Iterator[GoogleExportTargets]:
    token_url, impersonation_url = f"{google.url}/v1/token", google.url + "/sa/{}:generateAccessToken"
    with httpcore.ConnectionPool() as http:
        identity = GoogleIdentity(sts or Sts(), ROLE, "eu-west-1", http, token_url, impersonation_url)
        yield GoogleExportTargets(identity, http, google.url)


def put(google: Google, content: bytes, sts: Sts | None = None, **more: str) -> None:
    with targets(google, sts) as made:
        by_type = ExportTargetsByType({"GCS": lambda: made})
        by_type.put(ORG, {**DESTINATION, **more}, "a/date=2026-01-15/b c.csv.gz", io.BytesIO(content), HEADERS)


def test_a_file_is_put_by_the_organizations_session(google: Google) -> None:
    sts = Sts()
    put(google, b"content", sts)
    assert bytes(google.content) == b"content"
    assert google.whole
    [begun] = google.begun
    assert begun == {
        "path": "/upload/storage/v1/b/their-lake/o",
        "uploadType": "resumable",
        "name": "a/date=2026-01-15/b c.csv.gz",
        "authorization": "Bearer federated",
        "x-upload-content-type": "application/gzip",
    }
    assert sts.calls == [{"RoleArn": ROLE, "RoleSessionName": f"usance-{ORG}"}]
    [exchange] = google.exchanges
    assert exchange["audience"] == AUDIENCE
    assert exchange["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert exchange["subject_token_type"] == "urn:ietf:params:aws:token-type:aws4_request"
    question = json.loads(unquote(exchange["subject_token"]))
    signed = {one["key"].lower(): one["value"] for one in question["headers"]}
    assert question["url"] == "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    assert signed["x-goog-cloud-target-resource"] == AUDIENCE
    assert signed["x-amz-security-token"] == "session"
    assert "Credential=ASIAKEY/" in signed["authorization"]


def test_a_service_account_is_taken_on_when_the_destination_names_one(google: Google) -> None:
    put(google, b"content", serviceAccountEmail="exports@project.iam.gserviceaccount.com")
    assert google.impersonated == ["/sa/exports@project.iam.gserviceaccount.com:generateAccessToken"]
    assert google.begun[0]["authorization"] == "Bearer impersonated"


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 3 * PART])
def test_a_file_of_any_size_is_put_in_parts(google: Google, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    put(google, content)
    assert bytes(google.content) == content
    assert google.whole
    assert len(google.spans) == -(-size // PART)


@pytest.mark.parametrize("fault", [503, 429, "cut", "half"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_break_is_gone_on_from_behind_what_the_bucket_has(google: Google, fault: int | str, at: int) -> None:
    content = bytes(number % 251 for number in range(2 * PART + 500))
    google.faults = [*[""] * at, fault]
    put(google, content)
    assert bytes(google.content) == content
    assert google.whole
    assert [span for span in google.spans if span.startswith("bytes */")]


def test_a_bucket_that_stays_busy_is_unavailable(google: Google) -> None:
    google.faults = [503] * ATTEMPTS_MAX
    with pytest.raises(UnavailableError, match="lake is busy: it answers 503"):
        put(google, b"content")


@pytest.mark.parametrize(
    ("path", "status", "error", "message"),
    [
        ("/v1/token", 400, InvalidInputError, "lake gives no access.*the pool usance of project 123456"),
        ("/v1/token", 503, UnavailableError, "lake did not answer"),
        ("/upload/storage/v1/b/their-lake/o", 403, InvalidInputError, "lake refuses the file: 403.*bucket their-lake"),
        ("/upload/storage/v1/b/their-lake/o", 503, UnavailableError, "lake is busy"),
    ],
)
def test_a_refusal_is_named_and_a_busy_service_is_tried_again(
    google: Google, path: str, status: int, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # the library waits before it asks again
    google.refuse = {path: status}
    with pytest.raises(error, match=message):
        put(google, b"content")


def test_a_service_that_is_not_there_is_unavailable() -> None:
    unreached = GoogleIdentity(Sts(), ROLE, "eu-west-1", httpcore.ConnectionPool(), "http://127.0.0.1:9/token")
    with pytest.raises(UnavailableError, match="lake did not answer"):
        unreached.token(ORG, DESTINATION)


def test_a_busy_token_service_of_aws_is_unavailable(google: Google) -> None:
    with pytest.raises(UnavailableError):
        put(google, b"content", Sts("Throttling"))

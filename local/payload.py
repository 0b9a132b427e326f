"""Builds the payload (version 2.0) that an API Gateway HTTP API hands to a function, and reads the function's answer."""

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from local.names import ACCOUNT_ID
from local.routes import Match, normal_path

API_ID: Final = "local"
_TEXT_TYPE: Final = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in. `path` is still percent-encoded; header names are lower case, in order of arrival."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        """The value of a header, given its lower-case name; repeated ones are joined by commas."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def message(status: int, text: str) -> Answer:
    """An answer of the gateway itself."""
    return Answer(status, [("content-type", "application/json")], json.dumps({"message": text}).encode())


def build_payload(request: Request, match: Match, context: Mapping[str, Any] | None, now: float) -> dict[str, Any]:
    """The event for the function of `match`. `context` is what the authorizer said of the caller, `now` in epoch seconds."""
    route_key = f"{match.route.method} {match.route.path}"
    path = unquote(normal_path(request.path))
    payload: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": _headers(request),
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": request.header("host") or "",
            "domainPrefix": (request.header("host") or "").split(".", 1)[0].split(":", 1)[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent") or "",
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if match.parameters:
        payload["pathParameters"] = dict(match.parameters)
    if request.query:
        payload["queryStringParameters"] = query_parameters(request.query)
    cookies = [part.strip() for key, value in request.headers if key == "cookie" for part in value.split(";")]
    if cookies:
        payload["cookies"] = cookies
    if context is not None:
        payload["requestContext"]["authorizer"] = {"lambda": dict(context)}
    if request.body:
        payload["body"], payload["isBase64Encoded"] = encode_body(request)
    return payload


def _headers(request: Request) -> dict[str, str]:
    joined = {"x-forwarded-proto": "http"}  # which the gateway adds; no TLS here
    for name, value in request.headers:
        if name != "cookie":
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def query_parameters(query: str) -> dict[str, str]:
    """Decoded query parameters; the values of a repeated key are joined by commas."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def encode_body(request: Request) -> tuple[str, bool]:
    """The body as text and whether it is base64: everything is whose content type does not name a text."""
    content_type = (request.header("content-type") or "").split(";", 1)[0].strip()
    if _TEXT_TYPE.fullmatch(content_type):
        try:
            return request.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass  # whatever the header says, these bytes are no text
    return base64.b64encode(request.body).decode("ascii"), True


def read_answer(result: Any) -> Answer:
    """The answer that a function's result stands for. Raises ValueError when it is malformed: the gateway answers 500."""
    if not isinstance(result, dict) or "statusCode" not in result:
        return Answer(200, [("content-type", "application/json")], json.dumps(result).encode())
    body = result.get("body", "")
    if not isinstance(body, str):
        raise ValueError("the function's body is not a text")  # noqa: TRY004 -- the function's fault, not the caller's
    headers = [(str(name).lower(), str(value)) for name, value in (result.get("headers") or {}).items()]
    headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
    if all(name != "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    return Answer(int(result["statusCode"]), [row for row in headers if row[0] != "content-length"], content)

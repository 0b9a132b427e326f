"""From an API Gateway event to a route and back; refusals become statuses here and nowhere else (platform.md 1.13)."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from aws_lambda_powertools import Logger

from usance.bootstrap.groups import groups_of
from usance.domain.access import Caller, GroupsOf, Statement
from usance.domain.kernel.errors import (
    AnswerTooLargeError,
    BodyTooLargeError,
    DuplicateCodeError,
    ForbiddenError,
    InvalidClientError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedGrantError,
    UsanceError,
    VersionConflictError,
)
from usance.entrypoints.http.paths import Paths
from usance.entrypoints.http.routes import Request, Route
from usance.resources import wire

DEFAULT_STAGE: Final = "$default"
BODY_MAX_BYTES: Final = 512_000  # platform.md 1.14: larger bodies answer 403
MESSAGE_MAX_CHARS: Final = 1_000  # refusals quote what was sent, which may be as long as a body

# The vendor's table knows no 409, yet its SDK does; with x-should-retry it costs the client no retries (platform.md Q1).
CONFLICT: Final = 409
STATUS: Final[Mapping[type[UsanceError], int]] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    BodyTooLargeError: 403,
    AnswerTooLargeError: 413,
    NotFoundError: 404,
    VersionConflictError: CONFLICT,
    DuplicateCodeError: CONFLICT,
    LimitExceededError: 429,
    UnavailableError: 503,
}
HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    CONFLICT: {"x-should-retry": "false"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Answer]

logger = Logger()


def build(routes: Sequence[Route], *, authenticated: bool = True, groups: GroupsOf = groups_of) -> Handler:
    """A Lambda handler for `routes`. `authenticated` False is for the token endpoint, which has no caller yet.

    `groups` tells which resource groups hold an entity, to callers whose statements name groups.
    """
    paths = Paths(routes)

    def handler(event: dict[str, Any], _: Any) -> Answer:
        context = event["requestContext"]
        logger.set_correlation_id(context.get("requestId"))  # the access log has it too
        method, path = context["http"]["method"], _path(event)
        found = paths.find(method, path)
        if found is None:
            return _refusal(NotFoundError(f"there is no {method} {path}"))
        route, variables = found
        return _answered(route, event, variables, groups if authenticated else None)

    return handler


def _path(event: Mapping[str, Any]) -> str:
    """The path behind the stage, which the gateway puts before it unless it is the default."""
    stage = event["requestContext"].get("stage", DEFAULT_STAGE)
    path = str(event["rawPath"])
    return path if stage == DEFAULT_STAGE else path.removeprefix(f"/{stage}")


def _answered(route: Route, event: dict[str, Any], path: Mapping[str, str], groups: GroupsOf | None) -> Answer:
    try:
        return _bounded(wire.dumps(route.handle(_request(event, path, groups))))
    except UsanceError as refusal:
        return _refusal(refusal)
    except Exception:
        logger.exception("the request failed", method=route.method, path=route.path)
        return _json(500, {"message": "an internal error; the request may be repeated", "errorCode": "INTERNAL"})


def _request(event: dict[str, Any], path: Mapping[str, str], groups: GroupsOf | None) -> Request:
    body = event.get("body") or ""
    content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(errors="surrogatepass")
    if len(content) > BODY_MAX_BYTES:
        raise BodyTooLargeError(f"the body has {len(content)} bytes; the limit is {BODY_MAX_BYTES}")
    caller = _caller(event, groups) if groups else Caller("", "", "", ())
    if groups and path.get("orgId", caller.org_id) != caller.org_id:
        raise ForbiddenError("this token does not give access to the organization in the path")
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    return Request(
        caller=caller,
        path=path,
        query=_query(event.get("rawQueryString") or ""),
        body=content,
        headers=headers,
        origin=_origin(headers, event["requestContext"].get("domainName", "")),
    )


def _origin(headers: Mapping[str, str], domain: str) -> str:
    """Where the client found the API; the gateway says which of its domains that was, and in a header how."""
    return f"{headers.get('x-forwarded-proto', 'https')}://{domain}" if domain else ""


def _caller(event: dict[str, Any], groups: GroupsOf) -> Caller:
    context = event["requestContext"].get("authorizer", {}).get("lambda")
    if not context:
        raise ForbiddenError("the request carries no verified identity")
    statements = tuple(
        Statement(effect=item["effect"], actions=tuple(item["action"]), resources=tuple(item["resource"]))
        for item in wire.loads(context["statements"])
    )
    return Caller(context["orgId"], context["principalId"], context["principalType"], statements, groups)


def _query(raw: str) -> dict[str, list[str]]:
    """Every value of each parameter as it was sent."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return values


def _refusal(refusal: UsanceError) -> Answer:
    status = next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)
    body = {"message": refusal.message[:MESSAGE_MAX_CHARS], "errorCode": refusal.code}
    if isinstance(refusal, InvalidClientError | UnsupportedGrantError):
        body["error"] = refusal.code.lower()  # what OAuth clients read
    return _json(status, body, HEADERS.get(status))


def _bounded(body: bytes) -> Answer:
    # Within a string of JSON no character of it takes more than two, so that small answers are not written twice.
    if 2 * len(body) > wire.ANSWER_MAX_BYTES and (size := wire.answer_bytes(body)) > wire.ANSWER_MAX_BYTES:
        raise AnswerTooLargeError(
            f"the answer has {size} bytes; the limit is {wire.ANSWER_MAX_BYTES}: "
            "ask for fewer at a time, by pageSize or limit, or filter them"
        )
    return _answer(200, body)


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return _answer(status, wire.dumps(value), headers)


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": body.decode(),
        "isBase64Encoded": False,
    }

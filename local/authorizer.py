"""Runs the Lambda authorizer in front of protected routes and remembers its answers."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.names import ACCOUNT_ID, REGION
from local.payload import API_ID, Request, build_payload
from local.plan import Authorizer
from local.routes import Match
from local.workers import FunctionError

_ANSWERS_MAX: Final = 10_000  # a bound for memory; API Gateway has its own

Invoke = Callable[[str, Any], Any]


class UnauthorizedError(Exception):
    """A header that identifies the caller is missing: 401."""


class ForbiddenError(Exception):
    """The authorizer refused: 403."""


class Gatekeeper:
    """The authorizers of an API. Safe to use from several threads."""

    def __init__(self, authorizers: Mapping[str, Authorizer], invoke: Invoke) -> None:
        """`invoke` runs a function by its logical id."""
        self._authorizers = authorizers
        self._invoke = invoke
        self._answers: OrderedDict[tuple[str, ...], tuple[float, Mapping[str, Any] | None]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, name: str, request: Request, match: Match) -> Mapping[str, Any]:
        """What the authorizer says of the caller. Raises `UnauthorizedError`, `ForbiddenError` or the function's error."""
        authorizer = self._authorizers[name]
        identity = [request.header(header) for header in authorizer.headers]
        if not all(identity):
            raise UnauthorizedError
        values = [value or "" for value in identity]
        key = (name, *values)
        known, context = self._remembered(key)
        if not known:
            context = self._ask(authorizer, values, request, match)
            self._remember(key, context, authorizer.ttl_seconds)
        if context is None:
            raise ForbiddenError
        return context

    def _ask(
        self, authorizer: Authorizer, identity: list[str], request: Request, match: Match
    ) -> Mapping[str, Any] | None:
        event = build_payload(request, match, None, time.time())
        # An authorizer sees everything of the request but its body.
        event = {key: value for key, value in event.items() if key not in {"body", "isBase64Encoded"}}
        path = match.route.path.lstrip("/")
        event |= {
            "type": "REQUEST",
            "routeArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{API_ID}/$default/{request.method}/{path}",
            "identitySource": identity,
        }
        answer = self._invoke(authorizer.function, event)
        if not isinstance(answer, dict) or not isinstance(answer.get("isAuthorized"), bool):
            raise FunctionError(authorizer.function, "InvalidAnswer", f"not a simple response: {json.dumps(answer)}")
        return dict(answer.get("context") or {}) if answer["isAuthorized"] else None

    def _remembered(self, key: tuple[str, ...]) -> tuple[bool, Mapping[str, Any] | None]:
        with self._lock:
            until, context = self._answers.get(key, (0.0, None))
            return until > time.monotonic(), context

    def _remember(self, key: tuple[str, ...], context: Mapping[str, Any] | None, seconds: int) -> None:
        if seconds <= 0:
            return
        with self._lock:
            self._answers[key] = (time.monotonic() + seconds, context)
            self._answers.move_to_end(key)
            while len(self._answers) > _ANSWERS_MAX:
                self._answers.popitem(last=False)

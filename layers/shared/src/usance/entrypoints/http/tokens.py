"""`POST /oauth/token`: an access key for an access token (platform.md 3.1)."""

import base64
import binascii
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qs

from pydantic import BaseModel

from usance.application.access.issue_token import ClientCredentials
from usance.bootstrap.access import exchange_credentials
from usance.domain.kernel.errors import InvalidClientError, UnsupportedGrantError
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.wire import Document

Exchange = Callable[[ClientCredentials], Document]

GRANT = "client_credentials"
FORM = "application/x-www-form-urlencoded"


class TokenRequest(BaseModel):
    """What a client asks for. `scope` is accepted and has no effect."""

    grant_type: Literal["client_credentials"]
    scope: str | None = None


class TokenAnswer(BaseModel):
    """An access token; `expires_in` is its lifetime in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str | None


def routes(exchange: Exchange = exchange_credentials) -> tuple[Route, ...]:
    """Every route of this module."""

    def token(request: Request) -> Document:
        credentials = _basic(request)
        grant = _grant(request)
        if grant != GRANT:
            raise UnsupportedGrantError(f"grant_type must be {GRANT}")
        return exchange(credentials)

    operation = Operation(
        "token.create", "Exchange an access key for an access token", "Access", TokenRequest, TokenAnswer
    )
    return (Route("POST", "/oauth/token", token, operation),)


def handler() -> core.Handler:
    """The Lambda handler."""
    return core.build(routes(), authenticated=False)


def _basic(request: Request) -> ClientCredentials:
    scheme, _, encoded = request.headers.get("authorization", "").strip().partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    key, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise InvalidClientError("the Authorization header must be: Basic, a space, and base64 of API key:API secret")
    return ClientCredentials(key, secret)


def _grant(request: Request) -> object:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        return parse_qs(request.body.decode(errors="replace")).get("grant_type", [None])[0]
    return request.json_object().get("grant_type")

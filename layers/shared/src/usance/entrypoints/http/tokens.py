"""`POST /oauth/token`: an access key for an access token (platform.md 3.1)."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Final, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field

from usance.application.access.issue_token import ClientCredentials
from usance.application.ports.identity import Proof
from usance.bootstrap.access import exchange_credentials, exchange_proof
from usance.domain.kernel.errors import InvalidClientError, InvalidInputError, UnsupportedGrantError
from usance.entrypoints.http import core, description
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.validation import validated
from usance.resources.wire import Document

Exchange = Callable[[ClientCredentials], Document]
Prove = Callable[[Proof, str, str | None], Document]

CLIENT_CREDENTIALS: Final = "client_credentials"
AUTHORIZATION_CODE: Final = "authorization_code"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name
FORM: Final = "application/x-www-form-urlencoded"
Id = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
TEXT_MAX_CHARS: Final = 16_384  # an ID token with many claims


class TokenRequest(BaseModel):
    """What a client asks for, as JSON or as a form. `scope` is accepted and has no effect.

    People send the `code` that the identity provider gave, with the `redirect_uri` and `code_verifier` it was asked for
    with; or the ID token itself as `subject_token`. `orgId` is the organization to sign in to, `invitationId` an invitation
    to accept first.
    """

    model_config = ConfigDict(extra="ignore", str_max_length=TEXT_MAX_CHARS)

    grant_type: str | None = None
    scope: str | None = None
    code: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    subject_token: str | None = None
    orgId: Id | None = None  # noqa: N815 - the name on the wire, as everywhere in the API
    invitationId: Id | None = None  # noqa: N815


class TokenAnswer(BaseModel):
    """An access token; `expires_in` is its lifetime in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str | None


def routes(exchange: Exchange = exchange_credentials, prove: Prove = exchange_proof) -> tuple[Route, ...]:
    """Every route that needs no token: that of tokens, and the description."""

    def token(request: Request) -> Document:
        credentials = None if _is_sign_in(request) else _basic(request)
        sent = _sent(request)
        match sent.grant_type:
            case "client_credentials":
                return exchange(credentials or _basic(request))
            case "authorization_code":
                code, place = _needed(sent, "code"), _needed(sent, "redirect_uri")
                proof = Proof(code=code, redirect_uri=place, code_verifier=sent.code_verifier)
            case "urn:ietf:params:oauth:grant-type:token-exchange":
                proof = Proof(id_token=_needed(sent, "subject_token"))
            case _:
                raise UnsupportedGrantError(
                    f"grant_type must be {CLIENT_CREDENTIALS}, {AUTHORIZATION_CODE} or {TOKEN_EXCHANGE}"
                )
        return prove(proof, _needed(sent, "orgId"), sent.invitationId)

    operation = Operation(
        "token.create", "Exchange an access key, or a sign-in, for an access token", "Access", TokenRequest, TokenAnswer
    )
    return (Route("POST", "/oauth/token", token, operation), *description.routes())


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


def _sent(request: Request) -> TokenRequest:
    return validated(TokenRequest, _fields(request))


def _fields(request: Request) -> Document:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        fields = parse_qs(request.body.decode(errors="replace"))
        return {name: values[0] for name, values in fields.items()}
    return request.json_object()


def _is_sign_in(request: Request) -> bool:
    """Whether a person asks, who has no access key; everybody else is asked for theirs first."""
    try:
        return _fields(request).get("grant_type") in (AUTHORIZATION_CODE, TOKEN_EXCHANGE)
    except InvalidInputError:
        return False


def _needed(sent: TokenRequest, name: str) -> str:
    value = getattr(sent, name)
    if not value:
        raise InvalidInputError(f"{name} is required for the grant_type {sent.grant_type}")
    return str(value)

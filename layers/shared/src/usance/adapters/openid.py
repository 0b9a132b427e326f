"""An OpenID Connect provider, as its discovery document describes it."""

from datetime import datetime
from functools import cached_property
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import jwt

from usance.domain.kernel.errors import InvalidClientError, UnavailableError
from usance.resources import wire
from usance.resources.wire import Document

TIMEOUT_SECONDS: Final = 5
ANSWER_MAX_BYTES: Final = 1_000_000
CLOCK_SKEW_SECONDS: Final = 60
_ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
]  # none with a shared key
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})


class OpenIdProvider:
    """`IdentityProvider` over HTTP. `audience` is the id of the client that people sign in with: public, with PKCE.

    An ID token must say that its e-mail address is verified (`email_verified`), unless the provider is `trusted` to give
    none but verified ones and says nothing of it.
    """

    def __init__(self, issuer: str, audience: str, *, trusted: bool = False) -> None:
        if urlsplit(issuer).scheme != "https" and urlsplit(issuer).hostname not in _LOOPBACK:
            raise LookupError(f"the issuer {issuer} must be an https URL")
        self._issuer = issuer.rstrip("/")
        self._audience = audience
        self._trusted = trusted

    def redeem(self, code: str, redirect_uri: str, code_verifier: str | None) -> str:
        """See the port."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self._audience,
            "code": code,
            "redirect_uri": redirect_uri,
            **({"code_verifier": code_verifier} if code_verifier else {}),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = _fetch(Request(self._discovered["token_endpoint"], urlencode(form).encode(), headers))  # noqa: S310
        if not isinstance(answer.get("id_token"), str):
            raise InvalidClientError("the identity provider answers without an ID token; ask for the scope openid")
        return str(answer["id_token"])

    def email_of(self, id_token: str, *, now: datetime) -> str:
        """See the port."""
        claims = self._verified(id_token, now)
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise InvalidClientError("the ID token has no e-mail address; ask for the scopes openid and email")
        if claims.get("email_verified", self._trusted) not in {True, "true"}:
            raise InvalidClientError("the identity provider does not say that the e-mail address is verified")
        return email.lower()

    def _verified(self, id_token: str, now: datetime) -> Document:
        try:
            key = self._keys.get_signing_key_from_jwt(id_token)
            claims: Document = jwt.decode(
                id_token,
                key,
                algorithms=_ALGORITHMS,
                issuer=self._discovered["issuer"],
                audience=self._audience,
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWKClientConnectionError as unreached:
            raise UnavailableError("the identity provider's keys cannot be read; repeat the request") from unreached
        except jwt.PyJWTError:
            raise InvalidClientError("the ID token is not one of the identity provider for this deployment") from None
        if not isinstance(claims["exp"], int) or claims["exp"] + CLOCK_SKEW_SECONDS <= now.timestamp():
            raise InvalidClientError("the ID token has expired; sign in again")
        return claims

    @cached_property
    def _discovered(self) -> Document:
        found = _fetch(Request(f"{self._issuer}/.well-known/openid-configuration"))  # noqa: S310
        if str(found.get("issuer", "")).rstrip("/") != self._issuer:
            raise UnavailableError(f"the identity provider at {self._issuer} says that it is another one")
        return found

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        return jwt.PyJWKClient(self._discovered["jwks_uri"], timeout=TIMEOUT_SECONDS)


def _fetch(request: Request) -> Document:
    """The JSON object that is answered. `InvalidClientError` for a 4xx, `UnavailableError` when there is no answer."""
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the issuer is the deployment's own
            found: Any = wire.loads(answer.read(ANSWER_MAX_BYTES))
    except HTTPError as refused:
        if refused.code < 500:  # noqa: PLR2004
            raise InvalidClientError("the identity provider refuses the authorization code") from refused
        raise UnavailableError("the identity provider does not answer; repeat the request") from refused
    except (URLError, TimeoutError) as unreached:
        raise UnavailableError("the identity provider does not answer; repeat the request") from unreached
    return dict(found)

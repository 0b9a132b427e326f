"""Access tokens as JSON Web Tokens, signed with HMAC-SHA-256."""

from datetime import datetime
from typing import Final

import jwt

from usance.application.ports.secrets import Secrets
from usance.domain.kernel.errors import ForbiddenError
from usance.resources.wire import Document

ISSUER: Final = "usance"
_ALGORITHM: Final = "HS256"  # the only one accepted: a token names its algorithm, but does not choose it
_CLAIMS: Final = ["exp", "iat", "iss", "sub", "orgId"]


class JwtTokens:
    """`TokenCodec` with the deployment's signing key."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def encode(self, claims: Document) -> str:
        """See the port."""
        return jwt.encode({"iss": ISSUER, **claims}, self._secrets.signing_key(), algorithm=_ALGORITHM)

    def decode(self, token: str, *, now: datetime) -> Document:
        """See the port."""
        try:
            claims: Document = jwt.decode(
                token,
                self._secrets.signing_key(),
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise ForbiddenError("the access token is not valid; request a new one") from None
        if not isinstance(claims["exp"], int) or claims["exp"] <= now.timestamp():
            raise ForbiddenError("the access token has expired; request a new one")
        return claims

"""An access key exchanged for a token of one organization (platform.md 3.1)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from usance.application.access.credentials import ACTIVE, ROOT, matches
from usance.application.access.known_callers import SERVICE
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.tokens import TokenCodec
from usance.domain.kernel.errors import InvalidClientError
from usance.resources.wire import Document

LIFETIME_SECONDS: Final = 18_000


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a client sent in its Basic header."""

    api_key: str
    api_secret: str = field(repr=False)


def issue_token(
    entities: EntityRepository, tokens: TokenCodec, clock: Clock, credentials: ClientCredentials
) -> Document:
    """The answer of the token endpoint. `InvalidClientError`, without saying what was wrong, for bad credentials."""
    key = entities.get(ROOT, "accessKey", credentials.api_key)
    private = entities.get_private(ROOT, "accessKey", [credentials.api_key]).get(credentials.api_key, {})
    known = matches(credentials.api_secret, private.get("secretHash", ""))
    if key is None or not known or key["status"] != ACTIVE:
        raise InvalidClientError("the API key and secret are not those of an active access key")
    return token_for(tokens, clock.now(), key["orgId"], key["serviceUserId"], SERVICE, accessKey=key["id"])


def token_for(tokens: TokenCodec, now: datetime, org_id: str, principal_id: str, kind: str, **more: str) -> Document:
    """The answer that holds a token of a principal; `kind` as `Principal` has it, `more` further claims."""
    issued = int(now.timestamp())
    claims = {"sub": principal_id, "orgId": org_id, "iat": issued, "exp": issued + LIFETIME_SECONDS, "pt": kind, **more}
    return {
        "access_token": tokens.encode(claims),
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "scope": None,
    }

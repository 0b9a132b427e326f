"""Who a token speaks for, with the statements in force (platform.md 4.3)."""

from usance.application.access.known_callers import SERVICE, KnownCallers, Principal
from usance.application.ports.clock import Clock
from usance.application.ports.tokens import TokenCodec
from usance.domain.access import Caller


def verify_token(callers: KnownCallers, tokens: TokenCodec, clock: Clock, token: str) -> Caller:
    """The caller. `ForbiddenError` for a token that is forged or expired, or whose principal or key is gone."""
    claims = tokens.decode(token, now=clock.now())
    return callers.find(
        Principal(
            str(claims["orgId"]), str(claims["sub"]), str(claims.get("pt", SERVICE)), str(claims.get("accessKey", ""))
        )
    )

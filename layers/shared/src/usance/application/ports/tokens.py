"""Access tokens: text that carries claims and cannot be forged."""

from datetime import datetime
from typing import Protocol

from usance.resources.wire import Document


class TokenCodec(Protocol):
    """Signs and checks tokens."""

    def encode(self, claims: Document) -> str:
        """A signed token with `claims`; `iat` and `exp` are whole epoch seconds."""
        ...

    def decode(self, token: str, *, now: datetime) -> Document:
        """The claims of a token we signed that has not expired at `now`; else `ForbiddenError` (platform.md 16, Q2)."""
        ...

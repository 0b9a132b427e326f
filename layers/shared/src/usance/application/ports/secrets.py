"""Secrets: the key tokens are signed with, and sealing of what must be echoed."""

from typing import Protocol


class Sealing(Protocol):
    """Encryption of texts that are needed again."""

    def seal(self, plain: str, *, context: str) -> str:
        """Encrypt; `context` (such as the entity's id) must be given again to open."""
        ...

    def open(self, sealed: str, *, context: str) -> str:
        """Decrypt what `seal` made. `ValueError` for what was sealed by another key, or is for another context."""
        ...


class Secrets(Sealing, Protocol):
    """Secrets of the deployment; none is ever logged."""

    def signing_key(self) -> bytes:
        """The key of access tokens (HMAC-SHA-256), at least 32 bytes."""
        ...

    def report_key(self) -> bytes:
        """The key of signed reports (HMAC-SHA-256), 32 bytes; another than that of tokens."""
        ...

    def fresh(self) -> str:
        """A new random secret of 256 bits, as text."""
        ...

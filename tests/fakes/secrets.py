"""Secrets that are none."""

import base64
from dataclasses import dataclass


@dataclass
class FakeSecrets:
    """Seals by encoding, and refuses to open what was sealed for another context."""

    made: int = 0

    def signing_key(self) -> bytes:
        return b"k" * 32

    def report_key(self) -> bytes:
        return b"r" * 32

    def fresh(self) -> str:
        self.made += 1
        return f"secret-{self.made}"

    def seal(self, plain: str, *, context: str) -> str:
        return base64.b64encode(f"{context}\0{plain}".encode()).decode()

    def open(self, sealed: str, *, context: str) -> str:
        owner, _, plain = base64.b64decode(sealed).decode().partition("\0")
        if owner != context:
            raise ValueError("sealed for another context")
        return plain

"""Access keys as the store knows them: by id, with a hash of the secret."""

import hashlib
import hmac
from typing import Final

ROOT: Final = "-"  # organizations and access keys are looked up before an organization is known
ACTIVE: Final = "ACTIVE"
INACTIVE: Final = "INACTIVE"


def hashed(secret: str) -> str:
    """The hash to store. One round: a secret is 256 random bits, which no dictionary holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored_hash: str) -> bool:
    """Whether `secret` hashes to `stored_hash`, in constant time."""
    return hmac.compare_digest(hashed(secret), stored_hash)

"""The signature of a delivery, for the sender and for receivers (docs/webhooks.md).

A delivery carries the time it was sent at and `hex(HMAC-SHA-256(secret, time + "." + body))`, over the body's own bytes.
While a secret is being replaced there are two of them, by the new secret and by the old one, with a comma between.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(seconds=300)  # how far the clocks of sender and receiver may differ; later is a replay
SIGNATURES_MAX: Final = 4  # looked at in one header; the sender writes two at most
_TIMESTAMP_MAX_CHARS: Final = 12  # unix seconds for the next 30,000 years


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of `body` sent at `timestamp` (unix seconds, as the header carries them)."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def signatures(secrets: Iterable[str], timestamp: str, body: bytes) -> str:
    """What the header holds: the signature by each secret."""
    return ",".join(sign(secret, timestamp, body) for secret in secrets)


def verify(
    secret: str, timestamp: str, signature: str, body: bytes, *, now: datetime, tolerance: timedelta = TOLERANCE
) -> bool:
    """Whether `body` was signed with `secret`, at a time no further than `tolerance` from `now`.

    Takes the headers as they came, of whatever content, and never raises. `now` is aware. One fitting signature of
    several is enough. The comparison takes the same time wherever the signatures differ.
    """
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _TIMESTAMP_MAX_CHARS):
        return False
    if timedelta(seconds=abs(int(now.timestamp()) - int(timestamp))) > tolerance:
        return False
    expected = sign(secret, timestamp, body).encode()
    given = signature.encode(errors="replace").split(b",", SIGNATURES_MAX)[:SIGNATURES_MAX]
    return any(hmac.compare_digest(expected, one.strip()) for one in given)

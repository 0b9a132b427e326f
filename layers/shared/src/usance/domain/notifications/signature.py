"""The signature of a delivery, for the sender and for receivers (docs/webhooks.md).

A delivery carries the time it was sent at and `hex(HMAC-SHA-256(secret, time + "." + body))`, over the body's own bytes.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(seconds=300)  # how far the clocks of sender and receiver may differ; later is a replay
_TIMESTAMP_MAX_CHARS: Final = 12  # unix seconds for the next 30,000 years


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of `body` sent at `timestamp` (unix seconds, as the header carries them)."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(
    secret: str, timestamp: str, signature: str, body: bytes, *, now: datetime, tolerance: timedelta = TOLERANCE
) -> bool:
    """Whether `body` was signed with `secret`, at a time no further than `tolerance` from `now`.

    Takes the headers as they came, of whatever content, and never raises. `now` is aware. The comparison takes the same
    time wherever the signatures differ.
    """
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _TIMESTAMP_MAX_CHARS):
        return False
    if timedelta(seconds=abs(int(now.timestamp()) - int(timestamp))) > tolerance:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode(errors="replace"))

"""Page tokens: the id a page ended with, opaque to clients (platform.md 1.3).

A token names a place in the order of ids, not a row, so that pages survive inserts and deletes between them.
"""

import base64
import binascii
import re
from typing import Final

from usance.domain.kernel.errors import InvalidInputError

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def encode_token(last_id: str) -> str:
    """The token that continues after the entity `last_id`."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    """The id inside a token; `InvalidInputError` when the token is not one of ours."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not _ID.fullmatch(text):
        raise InvalidInputError("nextToken is not a token that this list gave; leave it out to start again")
    return text

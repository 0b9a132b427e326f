"""Pages of a list, and their tokens: the id a page ended with, opaque to clients (platform.md 1.3).

A token names a place in the order of ids, not a row, so that pages survive inserts and deletes between them. A page with a
token is never empty: clients, the official SDK among them, take an empty page for the end.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final

from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Page
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.ids import ID
from usance.resources.wire import Document

READ_AT_ONCE: Final = 100  # once a page was not enough


def encode_token(place: str) -> str:
    """The token that continues after a place in a list's order: mostly the id of an entity."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_token(token: str, place: re.Pattern[str] = ID) -> str:
    """The place inside a token, mostly an id; `InvalidInputError` unless the list's tokens name places like that."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not place.fullmatch(text):
        raise InvalidInputError("nextToken is not a token that this list gave; leave it out to start again")
    return text


def kept_page(
    read: Callable[[int, str | None], Page],
    keep: Callable[[Sequence[Document]], Sequence[Document]],
    *,
    page_size: int,
    next_token: str | None,
    deadline: Deadline,
    place_of: Callable[[Document], str] = lambda document: str(document["id"]),
) -> Page:
    """A page of what `keep` leaves of a list, which `read` answers page by page (size, token).

    It reads on until the page is full, or something is on it at the deadline; `InvalidInputError` when nothing is.
    `place_of` is the place in the list's order that its tokens name.
    """
    kept: list[Document] = []
    size, looked_at, token = page_size, 0, next_token
    while True:
        page = read(size, token)
        token = page.next_token
        looked_at += len(page.data)
        kept.extend(keep(page.data))
        if token is None or len(kept) >= page_size:
            break
        if deadline.passed():
            if kept:
                break
            raise InvalidInputError(
                f"the time of a request was over after {looked_at} entities, none of which matches or may be read by you; "
                f"send nextToken={token} to go on behind them, or narrow the list by a further filter"
            )
        size = max(page_size, READ_AT_ONCE)
    if len(kept) > page_size:
        kept = kept[:page_size]
        token = encode_token(place_of(kept[-1]))
    return Page(kept, token)

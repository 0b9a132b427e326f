"""Pages of a list in an order that no index keeps: all of it is read, up to a limit, and sorted."""

import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Final

from usance.application.paging import decode_token, encode_token
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Page
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

ORDERED_MAX: Final = 20_000  # held at a time
READ_AT_ONCE: Final = 500
_MARK: Final = "after:"
_TOKEN: Final = re.compile(rf"{_MARK}.*", re.DOTALL)


def ordered_page(
    read: Callable[[int, str | None], Page],
    keep: Callable[[Sequence[Document]], Iterable[Document]],
    key: Callable[[Document], str],
    *,
    asked_by: str,
    descending: bool,
    page_size: int,
    next_token: str | None,
    deadline: Deadline,
) -> Page:
    """A page of what `keep` leaves of a list, which `read` answers page by page (size, token), in the order of a `key` of its own.

    A token names a place in the order, not a row, so that pages survive inserts and deletes between them.
    `InvalidInputError`, in the name of the parameter `asked_by`, when the list is longer than `ORDERED_MAX`, or
    than can be read until the deadline.
    """
    keyed = sorted(
        ((key(document), document) for document in keep(_all(read, asked_by, deadline))),
        key=itemgetter(0),
        reverse=descending,
    )
    if next_token is not None:
        last = decode_token(next_token, _TOKEN).removeprefix(_MARK)
        keyed = [(place, document) for place, document in keyed if (place < last if descending else place > last)]
    page = keyed[:page_size]
    token = encode_token(f"{_MARK}{page[-1][0]}") if len(keyed) > page_size else None
    return Page([document for _, document in page], token)


def _all(read: Callable[[int, str | None], Page], asked_by: str, deadline: Deadline) -> list[Document]:
    found: list[Document] = []
    token: str | None = None
    while True:
        page = read(READ_AT_ONCE, token)
        found.extend(page.data)
        token = page.next_token
        if token is None:
            return found
        if len(found) >= ORDERED_MAX or deadline.passed():
            raise InvalidInputError(
                f"{asked_by}: there are more than the {len(found)} entities that one request can put in order; "
                "narrow the list by a filter"
            )

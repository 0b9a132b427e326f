"""Line items over all bills (billing.md 12.10)."""

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from usance.application.access.authorize import require_some, visible
from usance.application.billing.bill_reading import TYPE, read_with_lines
from usance.application.billing.documents import listed
from usance.application.billing.stores import BillingStores
from usance.application.paging import decode_token, encode_token
from usance.application.ports.bills import INDEXED_BY_LINES, BillQuery
from usance.application.ports.deadline import Deadline, of_request
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document

BILLS_READ_MAX: Final = 50  # for one page that has something on it
END: Final = 999_999_999  # behind every line item of a bill
_TOKEN: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/\d{1,9}", re.ASCII)


def list_all_line_items(
    stores: BillingStores,
    caller: Caller,
    filters: Mapping[str, Sequence[str]],
    *,
    page_size: int,
    next_token: str | None,
) -> Page:
    """A page of line items, those of the latest bill first, in their order on the bill.

    `filters` are of `INDEXED_BY_LINES`, or `id` of bills. A token names a bill and a place on it: a bill that is made
    meanwhile moves nothing.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    deadline = of_request(stores.clock)
    found: list[Document] = []
    bill_id, start = _place(next_token)
    if bill_id:
        following = _take(stores, caller, filters, found, bill_id, start, page_size)
        if following:
            return Page(found, following)
    token = encode_token(bill_id) if bill_id else None
    for read in count(1):
        page = stores.bills.list_page(
            caller.org_id, BillQuery(filters), page_size=1, next_token=token, deadline=deadline
        )
        for bill in page.data:
            following = _take(stores, caller, filters, found, bill["id"], 0, page_size)
            if following:
                return Page(found, following)
            bill_id = bill["id"]
        token = page.next_token
        if token is None:
            return Page(found, None)
        if _enough(read, found, deadline):
            break
    return Page(found, _token(bill_id, END))


def _enough(read: int, found: Sequence[Document], deadline: Deadline) -> bool:
    """Whether a page ends that is not full. One without anything would be taken for the end of the list."""
    late = deadline.passed()
    if not found and late:
        raise InvalidInputError(
            f"none of {read} bills has such a line item, and there are more than one request can look at; "
            "narrow the list by a filter of bills"
        )
    return bool(found) and (late or read >= BILLS_READ_MAX)


def _take(
    stores: BillingStores,
    caller: Caller,
    filters: Mapping[str, Sequence[str]],
    found: list[Document],
    bill_id: str,
    start: int,
    page_size: int,
) -> str | None:
    """Add the wanted line items of a bill from `start` on; the token of those that no longer fit."""
    bill = read_with_lines(stores.bills, caller.org_id, bill_id)
    if bill is None or not visible(caller, TYPE, [bill]):
        return None
    for at, line in enumerate(bill["lineItems"][start:], start):
        if all(line.get(name) in filters[name] for name in INDEXED_BY_LINES if name in filters):
            if len(found) == page_size:
                return _token(bill_id, at)
            found.append(listed(line, bill))
    return None


def _token(bill_id: str, at: int) -> str:
    return encode_token(f"{bill_id}/{at}")


def _place(token: str | None) -> tuple[str, int]:
    if token is None:
        return "", 0
    bill_id, _, at = decode_token(token, _TOKEN).partition("/")
    return bill_id, int(at)

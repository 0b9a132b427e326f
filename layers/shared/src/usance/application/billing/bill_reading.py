"""Reading bills: one, many, the latest, and their line items (billing.md 12.2, 12.10)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from usance.application.access.authorize import require, require_some, visible
from usance.application.billing.documents import listed
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.lines import as_shown
from usance.application.billing.states import shown
from usance.application.billing.stores import BillingStores
from usance.application.paging import kept_page
from usance.application.ports.bills import BillQuery, BillRepository
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Page
from usance.application.stored_lines import CALCULATION, read_stored_lines
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.wire import Document

TYPE: Final = "bill"
LINES_PER_ANSWER_MAX: Final = 4_000  # some 5 MB; a Lambda function answers 6 MB at most


def get_bill(stores: BillingStores, caller: Caller, bill_id: str) -> Document:
    """The bill with its line items. `NotFoundError` when there is none."""
    require(caller, Action.CONFIG_RETRIEVE, TYPE, bill_id)
    bill = read_with_lines(stores.bills, caller.org_id, bill_id)
    if bill is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    return shown(_bounded(bill), read_lock_date(stores.entities, caller.org_id))


def latest_bill(stores: BillingStores, caller: Caller, account_id: str) -> Document:
    """The account's bill with the latest day, line items included. `NotFoundError` when it has none."""
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    newest = stores.bills.list_page(caller.org_id, BillQuery({"accountId": [account_id]}), page_size=1).data
    if not newest:
        raise NotFoundError(f"there is no bill of the account {account_id}")
    return get_bill(stores, caller, newest[0]["id"])


def list_bills(
    stores: BillingStores,
    caller: Caller,
    query: BillQuery,
    *,
    page_size: int,
    next_token: str | None,
    with_lines: bool,
    with_total: bool,
) -> Page:
    """A page of bills, newest first. `InvalidInputError` when their line items are too many for one answer."""
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    lock_date = read_lock_date(stores.entities, caller.org_id)
    deadline = of_request(stores.clock)
    wanted = replace(query, lock_date=lock_date)
    page = kept_page(
        lambda size, token: stores.bills.list_page(
            caller.org_id, wanted, page_size=size, next_token=token, deadline=deadline
        ),
        lambda headers: visible(caller, TYPE, headers),
        page_size=page_size,
        next_token=next_token,
        deadline=deadline,
    )
    bills = bills_with_lines(stores, caller.org_id, page.data) if with_lines else page.data
    return Page([shown(bill, lock_date, with_total=with_total) for bill in bills], page.next_token)


def list_line_items(
    stores: BillingStores, caller: Caller, bill_id: str, *, page_size: int, next_token: str | None
) -> Page:
    """A page of a bill's line items, in their order on the bill."""
    bill = _lines_of(stores, caller, bill_id)
    start = _position(next_token)
    items = bill["lineItems"]
    following = start + page_size
    data = [listed(item, bill) for item in items[start:following]]
    return Page(data, str(following) if following < len(items) else None)


def get_line_item(stores: BillingStores, caller: Caller, bill_id: str, line_item_id: str) -> Document:
    """One line item. `NotFoundError` when the bill has none of this id."""
    bill = _lines_of(stores, caller, bill_id)
    for item in bill["lineItems"]:
        if item["id"] == line_item_id:
            return listed(item, bill)
    raise NotFoundError(f"the bill {bill_id} has no line item {line_item_id}")


def read_with_lines(bills: BillRepository, org_id: str, bill_id: str) -> Document | None:
    """The bill with the line items of the same calculation, or None."""
    busy = InvalidInputError(f"the bill {bill_id} is being calculated again; repeat the request")
    stored = read_stored_lines(bills, org_id, bill_id, same=CALCULATION, otherwise=busy)
    return {**stored.bill.header, "lineItems": [as_shown(item) for item in stored.line_items]} if stored else None


def bills_with_lines(stores: BillingStores, org_id: str, headers: Sequence[Document]) -> Sequence[Document]:
    """The bills of these headers with their line items. `InvalidInputError` when those are too many for one answer."""
    bills = []
    count = 0
    for header in headers:
        bill = read_with_lines(stores.bills, org_id, header["id"])
        if bill is not None:
            count += len(bill["lineItems"])
            if count > LINES_PER_ANSWER_MAX:
                raise InvalidInputError(
                    f"pageSize: these bills have more than {LINES_PER_ANSWER_MAX} line items together; "
                    "ask for fewer bills or set excludeLineItems=true"
                )
            bills.append(bill)
    return bills


def _lines_of(stores: BillingStores, caller: Caller, bill_id: str) -> Document:
    require(caller, Action.CONFIG_RETRIEVE, TYPE, bill_id)
    bill = read_with_lines(stores.bills, caller.org_id, bill_id)
    if bill is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    return bill


def _bounded(bill: Document) -> Document:
    if len(bill["lineItems"]) > LINES_PER_ANSWER_MAX:
        raise InvalidInputError(
            f"the bill {bill['id']} has {len(bill['lineItems'])} line items, more than one answer holds; "
            f"page through them at /bills/{bill['id']}/lineitems"
        )
    return bill


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdecimal() or len(token) > 9:  # noqa: PLR2004 - a billion line items
        raise InvalidInputError("nextToken is not a token that this list gave; leave it out to start again")
    return int(token)

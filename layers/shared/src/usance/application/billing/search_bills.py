"""Search bills (platform.md 1.11)."""

from collections.abc import Mapping
from typing import Final

from usance.application.access.authorize import require_some, visible
from usance.application.billing.bill_reading import TYPE, bills_with_lines
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.states import shown
from usance.application.billing.stores import BillingStores
from usance.application.ports.bills import BillQuery
from usance.application.ports.deadline import of_request
from usance.application.search.searching import READ_AT_ONCE, Search, candidates, check_sort, equalities, found_page
from usance.domain.access import Action, Caller
from usance.domain.catalog.searches import parse_search
from usance.resources import billing as models
from usance.resources.wire import Document

FIELDS: Final = frozenset(
    {
        "accountId",
        "locked",
        "billDate",
        "startDate",
        "endDate",
        "dueDate",
        "billingFrequency",
        "id",
        "ids",
        "createdBy",
        "dtCreated",
        "lastModifiedBy",
    }
)
INDEXES: Final[Mapping[str, str]] = {name: name for name in ("id", "accountId", "billDate", "billingFrequency")}


def search_bills(stores: BillingStores, caller: Caller, search: Search) -> Document:
    """A page of matches with their line items, newest first or sorted; `nextToken` is the next `fromDocument`.

    `locked` is what the caller would be shown: a bill up to the organization's lock date counts as locked.
    """
    require_some(caller, Action.CONFIG_RETRIEVE, TYPE)
    terms = parse_search(search.query, FIELDS)
    check_sort(search, _sortable(), TYPE)
    lock_date = read_lock_date(stores.entities, caller.org_id)
    query = BillQuery(equalities(terms, INDEXES, any_term=search.any_term))
    deadline = of_request(stores.clock)
    read = candidates(
        lambda token: stores.bills.list_page(
            caller.org_id, query, page_size=READ_AT_ONCE, next_token=token, deadline=deadline
        ),
        lambda headers: visible(caller, TYPE, headers),
        INDEXES,
        deadline,
    )
    # Matched as they are shown; the total is a field to sort by.
    headers = (shown(header, lock_date, with_total=True) for header in read)
    page, token = found_page(headers, terms, search)
    bills = bills_with_lines(stores, caller.org_id, page)
    return {"data": [shown(bill, lock_date) for bill in bills], "nextToken": token}


def _sortable() -> frozenset[str]:
    names = {field.alias or name for name, field in models.Bill.model_fields.items()}
    return frozenset(names - {"lineItems", "currencyConversions"})

"""Approve many bills at once (billing.md 12.7)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from usance.application.access.authorize import permitted, require_each, require_some
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.set_bill_status import give_status
from usance.application.billing.states import state_of
from usance.application.billing.stores import BillingStores
from usance.application.ports.bills import BillQuery
from usance.domain.access import Action, Caller
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources import instants
from usance.resources.wire import Document

AT_ONCE_MAX: Final = 50  # approved before the answer; the rest on the queue, well inside the 30 seconds of a request
PER_MESSAGE: Final = 50
PAGE: Final = 100


def approve_bills(stores: BillingStores, caller: Caller, bill_ids: Sequence[str]) -> Document:
    """Approve the given bills; those that are approved already stay so.

    `InvalidInputError` when a bill does not exist or is locked while pending; then none is approved.
    """
    require_some(caller, Action.CONFIG_UPDATE, "bill")
    distinct = list(dict.fromkeys(bill_ids))
    require_each(caller, Action.CONFIG_UPDATE, "bill", distinct)
    found = {bill["id"]: bill for bill in stores.bills.get_many(caller.org_id, distinct)}
    lock_date = read_lock_date(stores.entities, caller.org_id)
    for bill_id in distinct:
        if bill_id not in found:
            raise InvalidInputError(f"billIds: there is no bill {bill_id}")
        if found[bill_id]["status"] == BillStatus.PENDING:
            state_of(found[bill_id]).require_unlocked(lock_date)
    return _approve(stores, caller, distinct)


def approve_matching(stores: BillingStores, caller: Caller, query: BillQuery) -> Document:
    """Approve every pending bill that `query` finds, but for locked ones and those that the caller may not approve."""
    require_some(caller, Action.CONFIG_UPDATE, "bill")
    lock_date = read_lock_date(stores.entities, caller.org_id)
    pending = replace(
        query, filters={**query.filters, "status": [BillStatus.PENDING.value]}, locked=False, lock_date=lock_date
    )
    found: list[str] = []
    token: str | None = None
    while True:
        page = stores.bills.list_page(caller.org_id, pending, page_size=PAGE, next_token=token)
        ids = [bill["id"] for bill in page.data]
        may = permitted(caller, Action.CONFIG_UPDATE, "bill", ids)
        found += [id_ for id_ in ids if id_ in may]
        token = page.next_token
        if token is None:
            return _approve(stores, caller, found)


def approve_batch(stores: BillingStores, org_id: str, bill_ids: Sequence[str], *, by: str, at: str) -> None:
    """Approve the bills of a message. One that is gone or locked by now is passed over."""
    for bill_id in bill_ids:
        try:
            give_status(stores, org_id, bill_id, BillStatus.APPROVED, by=by, at=instants.from_text(at))
        except (NotFoundError, InvalidInputError):
            continue


def _approve(stores: BillingStores, caller: Caller, bill_ids: Sequence[str]) -> Document:
    at = instants.to_text(stores.clock.now())
    later = bill_ids[AT_ONCE_MAX:]
    stores.billing_queue.send(
        [
            {
                "kind": "approve",
                "orgId": caller.org_id,
                "billIds": list(later[start : start + PER_MESSAGE]),
                "by": caller.audit_name,
                "at": at,
            }
            for start in range(0, len(later), PER_MESSAGE)
        ]
    )
    approve_batch(stores, caller.org_id, bill_ids[:AT_ONCE_MAX], by=caller.audit_name, at=at)
    told = f"{len(bill_ids)} bill{'' if len(bill_ids) == 1 else 's'}"
    return {"message": f"Approving {told}; the last {len(later)} in the background" if later else f"Approved {told}"}

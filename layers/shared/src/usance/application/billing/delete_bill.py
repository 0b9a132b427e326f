"""Delete a bill that is not locked (billing.md 12.7)."""

from collections.abc import Sequence
from typing import Final

from usance.application.access.authorize import require
from usance.application.access.groups import leave_groups
from usance.application.billing.bill_reading import read_with_lines
from usance.application.billing.charges import AT_ONCE_MAX, ROWS_OF_CHARGE, now_free, of_bill
from usance.application.billing.corrections.standing import require_uncorrected
from usance.application.billing.credits.ahead import given_back, settle
from usance.application.billing.credits.ledger import Author
from usance.application.billing.lock_date import read_lock
from usance.application.billing.records.record import RECORD, key_of
from usance.application.billing.states import DIGEST, HALF_DELETED, changed, state_of
from usance.application.billing.stores import BillingStores
from usance.application.billing.values import day
from usance.application.ports.bills import StoredBill
from usance.application.ports.blobs import BlobStore
from usance.application.ports.entities import Guard
from usance.domain.access import Action, Caller
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.billing.memos import sum_of
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # bills that draw on the same credits at the same time
PAUSES_MAX: Final = 5  # doublings of the pause: someone waits for the answer


def delete_bill(stores: BillingStores, blobs: BlobStore, caller: Caller, bill_id: str) -> Document:
    """The bill as it was. `NotFoundError` without a bill, `InvalidInputError` when it is locked, or corrected on others.

    Its number is not given out again, its charges are on no bill any more, and what it drew is given back to its
    commitments and balances. A later run makes a new bill for the same period.
    """
    require(caller, Action.CONFIG_DELETE, "bill", bill_id)
    stored = stores.bills.get_stored(caller.org_id, bill_id)
    bill = read_with_lines(stores.bills, caller.org_id, bill_id)
    if bill is None or stored is None:
        _after_deletion(stores, caller, bill_id)
        raise NotFoundError(f"there is no bill {bill_id}")
    _delete(stores, caller, bill)
    _after_deletion(stores, caller, bill_id)
    if record_id := stored.private.get(RECORD):
        blobs.delete([key_of(caller.org_id, bill_id, record_id)])
    return bill


def _delete(stores: BillingStores, caller: Caller, bill: Document) -> None:
    """Remove the bill, and with it its draws and its hold on charges. `VersionConflictError` when it changed meanwhile."""
    org_id, bill_id, version = caller.org_id, bill["id"], int(bill["version"])
    conflicts = 0
    while True:
        lock = read_lock(stores, org_id, bill_id)
        lock.require_unlocked(state_of(bill))
        require_uncorrected(stores, org_id, bill_id)
        stored = stores.bills.get_stored(org_id, bill_id)
        if stored is None or stored.header["version"] != version:
            raise VersionConflictError(f"the bill {bill_id} changed meanwhile; read it again")
        charges = of_bill(stores, org_id, bill_id)
        try:
            if len(charges) <= AT_ONCE_MAX:
                _remove(stores, caller, stored, charges, lock.guard)
                return
            _take_off(stores, caller, stored, charges[:AT_ONCE_MAX], lock.guard)
            version += 1
        except VersionConflictError:  # the bill, the lock date, or a credit or charge of it moved
            conflicts += 1
            if conflicts == ATTEMPTS_MAX:
                raise
            stores.pause(min(conflicts - 1, PAUSES_MAX))


def _remove(
    stores: BillingStores, caller: Caller, stored: StoredBill, charges: Sequence[Document], guard: Guard
) -> None:
    """Remove the bill. What is drawn for it, and more than goes with it in one transaction, stays on record."""
    org_id, bill = caller.org_id, stored.header
    author = Author(org_id, bill["id"], day(bill["endDate"]), caller.audit_name, stores.clock.now())
    back = given_back(stores.entities, stored, author, beside=len(charges) * ROWS_OF_CHARGE)
    beside = [*back.beside, *now_free(stores, charges)]
    stores.bills.delete(org_id, bill["id"], int(bill["version"]), beside=beside, guards=[guard, *back.guards])


def _after_deletion(stores: BillingStores, caller: Caller, bill_id: str) -> None:
    """What follows a deletion, and follows it again should the process have ended before: nothing of the bill is left."""
    for attempt in range(ATTEMPTS_MAX):
        try:
            settle(stores, caller.org_id, bill_id, caller.audit_name, stores.clock.now())
            break
        except (
            VersionConflictError,
            NotFoundError,
        ):  # a credit moved; should all of this be in vain, the schedule does it
            stores.pause(min(attempt, PAUSES_MAX))
    leave_groups(stores.entities, caller.org_id, bill_id)


def _take_off(
    stores: BillingStores, caller: Caller, stored: StoredBill, charges: Sequence[Document], guard: Guard
) -> None:
    """Take charges off a bill that has more of them than go with it in one transaction.

    Should the deletion end here, the bill is one that a job calculates anew, and that nobody can approve before.
    """
    org_id, bill = caller.org_id, stored.header
    gone = {charge["id"] for charge in charges}
    items = stores.bills.line_items(org_id, bill["id"])
    off = [item for item in items if item.get("chargeId") in gone]
    total = sum_of([bill["billTotal"], *(-item["convertedSubtotal"] for item in off)])
    pending: Document = {"status": BillStatus.PENDING.value, "dtApproved": None, "approvedBy": None}
    after = changed(bill, caller.audit_name, stores.clock.now(), **pending)
    stores.bills.replace(
        org_id,
        {**after, "billTotal": total},
        expected_version=int(bill["version"]),
        line_items=[item for item in items if item not in off],
        private={**stored.private, DIGEST: HALF_DELETED},
        beside=now_free(stores, charges),
        guards=[guard],
    )

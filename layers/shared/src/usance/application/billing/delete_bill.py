"""Delete a bill that is not locked (billing.md 12.7)."""

from typing import Final

from usance.application.access.authorize import require
from usance.application.access.groups import leave_groups
from usance.application.billing.bill_reading import read_with_lines
from usance.application.billing.charges import free
from usance.application.billing.convert import day
from usance.application.billing.credits.book import read_drawn
from usance.application.billing.credits.ledger import Author, Drawn, changes
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.records.record import RECORD, key_of
from usance.application.billing.states import state_of
from usance.application.billing.stores import BillingStores
from usance.application.ports.blobs import BlobStore
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # bills that draw on the same credits at the same time
PAUSES_MAX: Final = 5  # doublings of the pause: someone waits for the answer


def delete_bill(stores: BillingStores, blobs: BlobStore, caller: Caller, bill_id: str) -> Document:
    """The bill as it was. `NotFoundError` without a bill, `InvalidInputError` when it is locked.

    Its number is not given out again, its charges are on no bill any more, and what it drew is given back to its
    commitments and balances. A later run makes a new bill for the same period.
    """
    require(caller, Action.CONFIG_DELETE, "bill", bill_id)
    stored = stores.bills.get_stored(caller.org_id, bill_id)
    bill = read_with_lines(stores.bills, caller.org_id, bill_id)
    if bill is None or stored is None:
        free(stores, caller.org_id, bill_id)  # an earlier attempt may have ended before it did
        raise NotFoundError(f"there is no bill {bill_id}")
    state_of(bill).require_unlocked(read_lock_date(stores.entities, caller.org_id))
    _delete(stores, caller, bill)
    free(stores, caller.org_id, bill_id)
    leave_groups(stores.entities, caller.org_id, bill_id)
    if record_id := stored.private.get(RECORD):
        blobs.delete([key_of(caller.org_id, bill_id, record_id)])
    return bill


def _delete(stores: BillingStores, caller: Caller, bill: Document) -> None:
    """Remove the bill, and in the same transaction its draws. `VersionConflictError` when the bill changed meanwhile."""
    org_id, bill_id, version = caller.org_id, bill["id"], int(bill["version"])
    for attempt in range(ATTEMPTS_MAX):
        stored = stores.bills.get_stored(org_id, bill_id)
        drawn = Drawn.of(stored.private) if stored else Drawn()
        author = Author(bill_id, day(bill["endDate"]), caller.audit_name, stores.clock.now())
        credits_ = read_drawn(stores.entities, org_id, drawn, {})
        given_back = changes(stores.entities, org_id, credits_, drawn, Drawn(), author)
        try:
            stores.bills.delete(org_id, bill_id, version, beside=given_back)
        except VersionConflictError:
            if not given_back or attempt + 1 == ATTEMPTS_MAX or stored is None or stored.header["version"] != version:
                raise
            stores.pause(min(attempt, PAUSES_MAX))
        else:
            return

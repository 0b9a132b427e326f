"""Delete a bill that is not locked (billing.md 12.7)."""

from usance.application.access.authorize import require
from usance.application.access.groups import leave_groups
from usance.application.billing.bill_reading import read_with_lines
from usance.application.billing.charges import free
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.states import state_of
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.wire import Document


def delete_bill(stores: BillingStores, caller: Caller, bill_id: str) -> Document:
    """The bill as it was. `NotFoundError` without a bill, `InvalidInputError` when it is locked.

    Its number is not given out again, and its charges are on no bill any more. A later run makes a new bill for the same period.
    """
    require(caller, Action.CONFIG_DELETE, "bill", bill_id)
    bill = read_with_lines(stores.bills, caller.org_id, bill_id)
    if bill is None:
        free(stores, caller.org_id, bill_id)  # an earlier attempt may have ended before it did
        raise NotFoundError(f"there is no bill {bill_id}")
    state_of(bill).require_unlocked(read_lock_date(stores.entities, caller.org_id))
    stores.bills.delete(caller.org_id, bill_id, int(bill["version"]))
    free(stores, caller.org_id, bill_id)
    leave_groups(stores.entities, caller.org_id, bill_id)
    return bill

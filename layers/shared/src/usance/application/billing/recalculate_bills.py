"""Start a job that calculates given bills again (billing.md 12.8)."""

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.billing.create_bill_job import start
from usance.application.billing.jobs import PENDING, RECALCULATE, TYPE, shown
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.states import state_of
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document


def recalculate_bills(stores: BillingStores, caller: Caller, request: Document) -> Document:
    """The new job. `InvalidInputError` when a bill does not exist or is locked; then no bill is recalculated."""
    require(caller, Action.CONFIG_CREATE, TYPE)
    bill_ids = list(dict.fromkeys(request["billIds"]))
    found = {bill["id"]: bill for bill in stores.bills.get_many(caller.org_id, bill_ids)}
    lock_date = read_lock_date(stores.entities, caller.org_id)
    for bill_id in bill_ids:
        if bill_id not in found:
            raise InvalidInputError(f"billIds: there is no bill {bill_id}")
        state_of(found[bill_id]).require_unlocked(lock_date)
    body = {
        "orgId": caller.org_id,
        "type": RECALCULATE,
        "status": PENDING,
        "total": 0,
        "pending": 0,
        "billIds": bill_ids,
        "accountIds": list(dict.fromkeys(found[bill_id]["accountId"] for bill_id in bill_ids)),
    }
    job = created(body, stores.ids.new(), caller.audit_name, stores.clock.now())
    return shown(stores, start(stores, job))

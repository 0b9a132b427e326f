"""Start a job that calculates given bills again (billing.md 12.8)."""

from collections.abc import Sequence

from usance.application.access.authorize import require, require_each_undenied
from usance.application.audit import created
from usance.application.billing.corrections.standing import require_uncorrected
from usance.application.billing.create_bill_job import start
from usance.application.billing.jobs import PENDING, RECALCULATE, TYPE, shown
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.states import state_of
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document


def recalculate_bills(stores: BillingStores, caller: Caller, request: Document) -> Document:
    """The new job. `InvalidInputError` when a bill does not exist, is locked, corrected on others or a child's; then none is recalculated.

    A child account's bill is calculated again with its parent's (billing.md 5.2). `ForbiddenError` for a bill that a policy
    denies the caller to read or update.
    """
    require(caller, Action.CONFIG_CREATE, TYPE)
    bill_ids = list(dict.fromkeys(request["billIds"]))
    require_each_undenied(caller, "bill", bill_ids, Action.CONFIG_UPDATE)
    found = {bill["id"]: bill for bill in stores.bills.get_many(caller.org_id, bill_ids)}
    lock_date = read_lock_date(stores.entities, caller.org_id)
    for bill_id in bill_ids:
        if bill_id not in found:
            raise InvalidInputError(f"billIds: there is no bill {bill_id}")
        state_of(found[bill_id]).require_unlocked(lock_date)
        require_uncorrected(stores, caller.org_id, bill_id)
    _refuse_children(stores, caller.org_id, [found[bill_id] for bill_id in bill_ids])
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


def _refuse_children(stores: BillingStores, org_id: str, bills: Sequence[Document]) -> None:
    """`InvalidInputError` for a child's bill without any bill of its parent to calculate it with."""
    owners = list(dict.fromkeys(bill["accountId"] for bill in bills))
    for account in stores.entities.get_many(org_id, "account", owners):
        parent_id = account.get("parentAccountId")
        if parent_id and parent_id not in owners:
            [bill_id, *_] = [bill["id"] for bill in bills if bill["accountId"] == account["id"]]
            raise InvalidInputError(
                f"billIds: the bill {bill_id} is of a child account; recalculate a bill of its parent {parent_id}, "
                "and the child's bill of the same period follows"
            )

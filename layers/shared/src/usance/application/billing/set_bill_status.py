"""Approve a bill, or take the approval back (billing.md 12.7)."""

from datetime import datetime

from usance.application.access.authorize import require
from usance.application.billing.auto_statement import generate_statement
from usance.application.billing.bill_change import change_bill
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.states import changed, shown
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.domain.billing.lifecycle import BillState, BillStatus
from usance.resources import instants
from usance.resources.wire import Document


def set_bill_status(stores: BillingStores, caller: Caller, bill_id: str, status: BillStatus) -> Document:
    """The bill in `status`. Setting the status it has changes nothing. Raises as `change_bill` does."""
    require(caller, Action.CONFIG_UPDATE, "bill", bill_id)
    bill = give_status(stores, caller.org_id, bill_id, status, by=caller.audit_name, at=stores.clock.now())
    return shown(bill, read_lock_date(stores.entities, caller.org_id))


def give_status(
    stores: BillingStores, org_id: str, bill_id: str, status: BillStatus, *, by: str, at: datetime
) -> Document:
    """The bill in `status`, decided by `by` at `at`; approval also asks for the statement."""

    def change(header: Document, state: BillState) -> Document | None:
        if state.status is status:
            return None
        approved = status is BillStatus.APPROVED
        return changed(
            header,
            by,
            at,
            status=status.value,
            dtApproved=instants.to_text(at) if approved else None,
            approvedBy=by if approved else None,
        )

    bill = change_bill(stores, org_id, bill_id, change)
    if status is BillStatus.APPROVED:
        generate_statement(stores, bill, by)  # also when it was approved before: an earlier call may have stopped here
    return bill

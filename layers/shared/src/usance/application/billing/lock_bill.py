"""Lock a bill for good (billing.md 12.7)."""

from usance.application.access.authorize import require
from usance.application.billing.auto_statement import generate_statement
from usance.application.billing.bill_change import change_bill
from usance.application.billing.states import changed
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.domain.billing.lifecycle import BillState
from usance.resources import instants
from usance.resources.wire import Document


def lock_bill(stores: BillingStores, caller: Caller, bill_id: str) -> Document:
    """The locked bill; locking it again changes nothing. `InvalidInputError` when it is not approved."""
    require(caller, Action.CONFIG_UPDATE, "bill", bill_id)
    now = stores.clock.now()

    def change(header: Document, state: BillState) -> Document | None:
        if state.locked_itself:
            return None
        state.require_lockable()
        return changed(
            header, caller.audit_name, now, locked=True, dtLocked=instants.to_text(now), lockedBy=caller.audit_name
        )

    bill = change_bill(stores, caller.org_id, bill_id, change, locks=True)
    generate_statement(stores, bill, caller.audit_name)
    return bill

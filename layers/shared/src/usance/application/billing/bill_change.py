"""One change to the standing of a bill, whatever else touches the bill at the same time."""

from collections.abc import Callable
from typing import Final

from usance.application.billing.family_guards import moved_guards
from usance.application.billing.lock_date import read_lock
from usance.application.billing.states import require_whole, state_of
from usance.application.billing.stores import BillingStores
from usance.domain.billing.lifecycle import BillState
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = (
    10  # recalculations, statements and the lock date, each once; and bills of one family locked at the same time
)
PAUSES_MAX: Final = 5  # doublings of the pause: someone waits for the answer


def change_bill(
    stores: BillingStores,
    org_id: str,
    bill_id: str,
    change: Callable[[Document, BillState], Document | None],
    *,
    locks: bool = False,
) -> Document:
    """The bill after `change`, which answers the next header, or None to leave the bill as it is.

    Raises `NotFoundError` without a bill, `InvalidInputError` when the bill is locked, or half deleted, and `change`
    does anything.
    `locks`: the change locks the bill, so that only its own lock counts, and tells those who decide on bills of its family.
    """
    for attempt in range(ATTEMPTS_MAX):
        lock = None if locks else read_lock(stores, org_id, bill_id)
        stored = stores.bills.get_stored(org_id, bill_id)
        if stored is None:
            raise NotFoundError(f"there is no bill {bill_id}")
        header = stored.header
        state = state_of(header)
        after = change(header, state)
        if after is None:
            return header
        if lock:
            lock.require_unlocked(state)
        else:
            state.require_unlocked(None)
        require_whole(stored)
        guards = [lock.guard] if lock else moved_guards(stores.entities, org_id, header["accountId"])
        try:
            stores.bills.replace(org_id, after, expected_version=int(header["version"]), guards=guards)
        except VersionConflictError:
            stores.pause(min(attempt, PAUSES_MAX))
            continue
        return after
    raise VersionConflictError(f"the bill {bill_id} changes all the time; repeat the request")

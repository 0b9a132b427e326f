"""Change the memos of a bill, whatever else touches the bill at the same time."""

from collections.abc import Callable, Sequence
from typing import Final

from usance.application.billing.lock_date import read_lock
from usance.application.billing.memos.lines import TOTAL, appended, calculated, memos_of, total_of, written_by_hand
from usance.application.billing.states import changed, state_of
from usance.application.billing.stores import BillingStores
from usance.application.ports.entities import Guard, Put
from usance.domain.access import Caller
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.billing.memos import check_count, sum_of
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources import instants
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5  # approvals, calculations and other memos, each once
Change = Callable[[Document, Sequence[Document]], Sequence[Document]]
"""Takes the bill's header and its memos, as line items, and answers the memos it shall have."""


def change_memos(
    stores: BillingStores,
    caller: Caller,
    bill_id: str,
    change: Change,
    *,
    beside: Sequence[Put] = (),
    guards: Sequence[Guard] = (),
) -> None:
    """Give the bill the memos that `change` answers, its new total with them, in one transaction with what is `beside`.

    A bill that was approved needs it again: its total is another. Nothing is written when `change` answers what it was
    given. `NotFoundError` without a bill, `InvalidInputError`
    when it is locked or would have too many memos.
    """
    for _ in range(ATTEMPTS_MAX):
        lock = read_lock(stores, caller.org_id, bill_id)
        stored = stores.bills.get_stored(caller.org_id, bill_id)
        if stored is None:
            raise NotFoundError(f"there is no bill {bill_id}")
        header = stored.header
        lock.require_unlocked(state_of(header))
        items = stores.bills.line_items(caller.org_id, bill_id)
        before = memos_of(items)
        memos = change(header, before)
        if memos is before:
            return
        check_count(len(written_by_hand(memos)))
        total = sum_of([header["billTotal"], -total_of(before), total_of(memos)])
        now = stores.clock.now()
        after = changed(
            header,
            caller.audit_name,
            now,
            status=BillStatus.PENDING.value,
            dtApproved=None,
            approvedBy=None,
            lastCalculatedDate=instants.to_text(now),
            statementStale=bool(header["jsonStatementGenerated"] or header["csvStatementGenerated"]),
        )
        private = {name: value for name, value in stored.private.items() if name != TOTAL}
        try:
            stores.bills.replace(
                caller.org_id,
                {**after, "billTotal": total},
                expected_version=int(header["version"]),
                line_items=appended(calculated(items), memos),
                beside=beside,
                guards=[lock.guard, *guards],
                private=private | ({TOTAL: str(total_of(memos))} if memos else {}),
            )
        except VersionConflictError:
            continue
        return
    raise VersionConflictError(f"the bill {bill_id} changes all the time; repeat the request")

"""What another bill of the account and the day has, and keeps.

A plan is on one bill of a day. Which one follows from settings that may change later, such as the grouping key of its contract;
a bill that is final, or that no run makes any more, keeps what it was made of.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from usance.application.billing.gather import Agreement
from usance.application.billing.lock_date import Lock
from usance.application.billing.records.record import RECORD, read_record
from usance.application.billing.states import key_of_stored, state_of
from usance.application.billing.stores import Workbench
from usance.application.ports.bills import BillQuery, StoredBill
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.inputs import BillFrequency, BillingInputs, BillKey
from usance.domain.billing.windows import closing_window, starting_window

PAGE: Final = 100  # bills of one account and day: one for each frequency and grouping key

_Charged = tuple[str, str | None, str | None]
"""What a plan, or a group of plans, is told apart by: its account plan, itself, and the child that it is for."""


def without_billed_already(bench: Workbench, agreement: Agreement, lock: Lock, inputs: BillingInputs) -> BillingInputs:
    """`inputs` without the plans and plan groups that another bill has and keeps."""
    kept: set[_Charged] = set()
    for stored in _others(bench, agreement, inputs):
        if state_of(stored.header).is_locked(lock.up_to) or not _is_made(agreement, key_of_stored(stored)):
            there = read_record(bench.blobs, agreement.org_id, stored.header["id"], stored.private).inputs
            kept.update(_charged(one) for one in (*there.plans, *there.groups))
    if not kept:
        return inputs
    plans = tuple(one for one in inputs.plans if _charged(one) not in kept)
    return replace(inputs, plans=plans, groups=tuple(one for one in inputs.groups if _charged(one) not in kept))


def _others(bench: Workbench, agreement: Agreement, inputs: BillingInputs) -> Iterator[StoredBill]:
    """The account's other bills of the day that may charge for plans, and say what they were made of."""
    query = BillQuery({"accountId": [inputs.account.id]}, end_date=inputs.key.day)
    for header in bench.stores.bills.list_page(agreement.org_id, query, page_size=PAGE).data:
        if header["id"] != inputs.bill_id and header["billingFrequency"] != BillFrequency.AD_HOC:
            stored = bench.stores.bills.get_stored(agreement.org_id, header["id"])
            if stored and RECORD in stored.private:
                yield stored


def _is_made(agreement: Agreement, key: BillKey) -> bool:
    """Whether a run over the day still makes the bill."""
    zone = agreement.terms.zone
    served = (
        closing_window(one, key.day, zone) or starting_window(one, key.day, zone) for one in agreement.attached_to(key)
    )
    return any(served) or any(plan.key(key.day) == key for plan in agreement.fees.plans)


def _charged(one: Attachment) -> _Charged:
    what = one.plan_id if isinstance(one, AttachedPlan) else None
    return one.account_plan_id, what, one.child.id if one.child else None

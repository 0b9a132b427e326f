"""Which bill carries a charge where frequencies share bills (billing.md 12.9).

With `consolidateBills` all frequencies that are due for one account and day are on one MIXED bill. A bill that is there
already keeps what it has, whichever way the setting was changed since: nothing is merged, and nothing billed twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from usance.application.billing.billed_fees import without_billed
from usance.application.billing.gather import Agreement
from usance.application.ports.bills import BillRepository
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.due import DueBill, key_of, merged
from usance.domain.billing.inputs import BillingInputs


def consolidated(bills: BillRepository, agreement: Agreement, due: Sequence[DueBill]) -> Sequence[DueBill]:
    """The bills to make in place of `due`, in order of their keys."""
    setting = agreement.catalogue.config().get("consolidateBills")
    if setting is None:
        return due
    mixed = {one.key: replace(one.key, frequency=BillFrequency.MIXED, interval=1) for one in due}
    stored = _stored(bills, agreement, [*mixed, *mixed.values()])
    return merged(
        replace(one, key=mixed[one.key]) if _is_shared(one.key, mixed[one.key], stored, on=setting) else one
        for one in due
    )


def apart(bills: BillRepository, agreement: Agreement, key: BillKey) -> frozenset[BillKey]:
    """The bills of their own beside the consolidated bill `key`, whose charges it leaves to them; none beside another."""
    if key.frequency is not BillFrequency.MIXED:
        return frozenset()
    planned = {plan.key(key.day) for plan in agreement.fees.plans if plan.grouping == key.grouping}
    return _stored(bills, agreement, planned | {key_of(one, key.day) for one in agreement.attached_to(key)})


@dataclass(frozen=True, slots=True)
class Billed:
    """What a bill is decided from, and the bills that have fees of its day which it would have without them."""

    inputs: BillingInputs
    fees_on: frozenset[str]


def billed_inputs(bills: BillRepository, agreement: Agreement, key: BillKey) -> Billed:
    """What the bill `key` is decided from, but for usage and credits: without what other bills have already."""
    inputs = agreement.inputs(key, apart(bills, agreement, key))
    return Billed(*without_billed(bills, agreement.org_id, inputs, agreement.fees.plans))


def _is_shared(own: BillKey, mixed: BillKey, stored: frozenset[BillKey], *, on: bool) -> bool:
    return own not in stored and (on or mixed in stored)


def _stored(bills: BillRepository, agreement: Agreement, keys: Iterable[BillKey]) -> frozenset[BillKey]:
    ids = {agreement.bill_id(key): key for key in keys}
    found = bills.get_many(agreement.org_id, sorted(ids)) if ids else ()
    return frozenset(ids[header["id"]] for header in found)

"""What another bill of the day has, and keeps.

A plan is on one bill of a day. Which one follows from settings that may change later: the grouping key of its contract, or
whether a child or its parent is billed. A bill that is final, or that no run makes any more, keeps what it was made of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, tzinfo
from functools import partial
from typing import Protocol

from usance.application.billing.contract_terms import exclusive_grouping, shared_grouping
from usance.application.billing.corrections.standing import bills_that_correct
from usance.application.billing.gather import Agreement, bill_id, gather
from usance.application.billing.overrides import Overrides
from usance.application.billing.records.record import RECORD, read_record
from usance.application.billing.states import key_of_stored, state_of
from usance.application.billing.stores import BillingStores
from usance.application.ports.bills import StoredBill
from usance.application.ports.blobs import BlobStore
from usance.domain.billing.attached import AttachedPlan, Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.due import key_of
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pool import ChildBilling
from usance.domain.billing.windows import closing_window, starting_window
from usance.resources.wire import Document

_Charged = tuple[str, str | None, str]
"""What a plan, or a group of plans, is told apart by: its account plan, itself, and whose it is."""


class Reading(Protocol):
    """What looking at other bills needs."""

    @property
    def stores(self) -> BillingStores: ...
    @property
    def blobs(self) -> BlobStore: ...


def without_billed_already(
    bench: Reading, agreement: Agreement, lock_date: date | None, inputs: BillingInputs
) -> BillingInputs:
    """`inputs` without the plans and plan groups that another bill has and keeps."""
    kept: set[_Charged] = set()
    if not inputs.plans and not inputs.groups:
        return inputs
    for stored in _others(bench, agreement, lock_date, inputs):
        there = read_record(bench.blobs, agreement.org_id, stored.header["id"], stored.private).inputs
        for one in (*there.plans, *there.groups):
            # The record names plans that the bill charged nothing for, too.
            if _is_served(one, there.key.day, there.terms.zone):
                kept.update({_charged(one, there.account.id), *_pooled(one)})
    if not kept:
        return inputs
    own_id = inputs.account.id
    plans = tuple(one for one in inputs.plans if _charged(one, own_id) not in kept)
    groups = tuple(one for one in inputs.groups if _charged(one, own_id) not in kept)
    return replace(inputs, plans=plans, groups=groups)


def _others(
    bench: Reading, agreement: Agreement, lock_date: date | None, inputs: BillingInputs
) -> Iterator[StoredBill]:
    """The bills that keep what they have, as far as they say what they were made of."""
    org_id, own_id = agreement.org_id, inputs.account.id
    keys = _keys(inputs)
    others = [grouping for grouping in _groupings(agreement) if grouping != inputs.key.grouping]
    apart = (bill_id(org_id, own_id, replace(key, grouping=grouping)) for grouping in others for key in keys)
    relatives = (bill_id(org_id, account_id, key) for account_id in _family(agreement, inputs) for key in keys)
    candidates = sorted({*apart, *relatives})
    for header in bench.stores.bills.get_many(org_id, candidates) if candidates else ():
        stored = bench.stores.bills.get_stored(org_id, header["id"])
        if stored is None or RECORD not in stored.private:
            continue
        if _is_final(bench, org_id, lock_date, stored.header) or not _is_made(_agreement(agreement, stored), stored):
            yield stored


def _keys(inputs: BillingInputs) -> frozenset[BillKey]:
    """The bill as it is, as one that frequencies share, and as those of each of its plans: what it was may have changed, too."""
    key = inputs.key
    own = (key_of(one, key.day) for one in (*inputs.plans, *inputs.groups))
    return frozenset({key, replace(key, frequency=BillFrequency.MIXED, interval=1), *own})


def _groupings(agreement: Agreement) -> Iterator[str]:
    """Those that the account's plans may have had."""
    catalogue, account_id = agreement.catalogue, agreement.account["id"]

    def found(type_: str, **filters: Sequence[str]) -> Sequence[Document]:
        read = partial(catalogue.entities.list_all, agreement.org_id, type_, filters=filters)
        return catalogue.remember(("groupings", type_, account_id if filters else ""), read)

    contracts = found("contract", accountId=[account_id])
    if contracts:
        yield ""
        yield from (exclusive_grouping(contract["id"]) for contract in contracts)
        yield from (shared_grouping(key["id"]) for key in found("billGroupingKey"))


def _family(agreement: Agreement, inputs: BillingInputs) -> Iterator[str]:
    """The parent, or the children whose plans are on the bill: their own bills of the day may have had them."""
    if parent_id := agreement.account.get("parentAccountId"):
        yield parent_id
    yield from (one.child.id for one in (*inputs.plans, *inputs.groups) if one.child)


def _is_final(bench: Reading, org_id: str, lock_date: date | None, header: Document) -> bool:
    return state_of(header).is_locked(lock_date) or bool(bills_that_correct(bench.stores, org_id, header["id"]))


def _agreement(agreement: Agreement, stored: StoredBill) -> Agreement:
    """The agreement with the account of a bill."""
    owner_id = stored.header["accountId"]
    if owner_id == agreement.account["id"]:
        return agreement
    catalogue = agreement.catalogue
    return gather(catalogue, catalogue.one("account", owner_id), Overrides.from_text(stored.private.get("overrides")))


def _is_made(agreement: Agreement, stored: StoredBill) -> bool:
    """Whether a run over the day still makes the bill."""
    key, zone = key_of_stored(stored), agreement.terms.zone
    if any(_is_served(one, key.day, zone) for one in agreement.attached_to(key)):
        return True
    return any(plan.key(key.day) == key for plan in agreement.fees.plans)


def _is_served(one: Attachment, day: date, zone: tzinfo) -> bool:
    return bool(closing_window(one, day, zone) or starting_window(one, day, zone))


def _pooled(one: Attachment) -> Iterator[_Charged]:
    """What a plan that rates a family as one and charges the parent has of each of its accounts."""
    if isinstance(one, AttachedPlan) and one.child_billing is not ChildBilling.CHILD:
        yield from ((one.account_plan_id, one.plan_id, member.account_id) for member in one.members)


def _charged(one: Attachment, account_id: str) -> _Charged:
    what = one.plan_id if isinstance(one, AttachedPlan) else None
    return one.account_plan_id, what, one.child.id if one.child else account_id

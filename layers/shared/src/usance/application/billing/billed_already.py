"""What other bills have of an account's plans, and keep.

Which bill a plan is on, and where its periods end, follow from settings that may change later: the grouping key of its
contract, who pays for a child, who its parent is, how often its template bills. A bill keeps what it was made of when it is
final, or when no run would make it so again; the bills that are made now are for the rest.
"""

from dataclasses import replace
from datetime import date

from usance.application.billing.family_guards import Watch
from usance.application.billing.gather import Agreement, gather
from usance.application.billing.kept_time import KeptTime
from usance.application.billing.other_bills import (
    Reading,
    Usual,
    concerned,
    is_final,
    is_made_again,
    opened_plans,
    other_bills,
    retimed_plans,
)
from usance.application.billing.overrides import Overrides
from usance.application.billing.records.record import read_record
from usance.application.billing.states import key_of_stored
from usance.application.billing.whose_plan import Charged, charged, is_served
from usance.application.ports.bills import StoredBill
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pipeline import billed_by


def less_billed_already(
    bench: Reading,
    agreement: Agreement,
    lock_date: date | None,
    inputs: BillingInputs,
    watch: Watch,
    *,
    even_open: bool = False,
) -> BillingInputs:
    """`inputs` with what other bills have, and keep, of their plans and plan groups; `even_open`: with all that they have."""
    zone, day = inputs.terms.zone, inputs.key.day
    own_id = inputs.account.id
    span = concerned(inputs.attached, day, zone)
    if span is None:
        return inputs
    kept, usual = KeptTime(), Usual.of(agreement, inputs)
    others = other_bills(bench, agreement, lock_date, inputs, usual, span, watch)
    finals = {one.header["id"] for one in others if is_final(bench, agreement.org_id, lock_date, one.header)}
    # What a final bill lacks of the period that it opened, another one of the family may have.
    family = any(one.header["id"] in finals and retimed_plans(one, opened_plans(one, inputs)) for one in others)
    for stored in others:
        final = stored.header["id"] in finals
        opened = opened_plans(stored, inputs, family=family)
        retimed = retimed_plans(stored, opened)
        if not retimed:
            kept.take_opened(opened)
        # Calculated again, it has what its own time has.
        again = not final and not even_open and usual.is_one(stored)
        if again and not retimed:
            continue
        there = read_record(bench.blobs, agreement.org_id, stored.header["id"], stored.private).inputs
        now = None if final or even_open else _agreement(agreement, stored)
        for one, billed in billed_by(there):
            what = charged(one, there.account.id)
            whole = not again and (now is None or not _is_made(now, stored, what, day))
            kept.take(one, there.account.id, billed, whole=whole, now=retimed.get(what))
        kept.take_retimed(retimed, there, for_good=final and there.account.id == own_id)
    if not kept:
        return inputs
    plans = tuple(kept.taken_off(one, own_id, day, zone) for one in inputs.plans)
    groups = tuple(kept.taken_off(one, own_id, day, zone) for one in inputs.groups)
    return replace(inputs, plans=plans, groups=groups)  # type: ignore[arg-type]


def _agreement(agreement: Agreement, stored: StoredBill) -> Agreement:
    """The agreement with the account of a bill."""
    owner_id = stored.header["accountId"]
    if owner_id == agreement.account["id"]:
        return agreement
    catalogue = agreement.catalogue
    return gather(catalogue, catalogue.one("account", owner_id), Overrides.from_text(stored.private.get("overrides")))


def _is_made(agreement: Agreement, stored: StoredBill, what: Charged, day: date) -> bool:
    """Whether the bill will be made without the plan, or with its own time of it alone.

    One of the same day is, when a run over the day makes it again; one of another day, when it is a bill of the plan.
    """
    key, zone, owner_id = key_of_stored(stored), agreement.terms.zone, stored.header["accountId"]
    mine = agreement.attached_to(key)
    if key.day != day:
        return any(charged(one, owner_id) == what and is_served(one, key.day, zone) for one in mine)
    again = any(is_made_again(one, key.day, zone) for one in mine)
    return again or any(plan.key(key.day) == key for plan in agreement.fees.plans)

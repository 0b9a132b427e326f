"""What bills have of commitments, and what that leaves for others (billing.md 8.2)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from usance.application.billing.gather import Agreement
from usance.application.billing.values import day, optional_day
from usance.application.ports.bills import BillQuery, BillRepository
from usance.application.ports.entities import EntityRepository, Guard
from usance.domain.billing.dated import Fee
from usance.domain.billing.fee_schedule import BilledFee, FeePlan, Late
from usance.domain.billing.inputs import BillingInputs
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.resources import wire
from usance.resources.wire import Document

BILLED: Final = "fees"  # beside the header of a bill: what it has of commitments, by their ids
PAGE: Final = 100  # bills at a time
ASKED_MAX: Final = 8  # commitments: each is a query for every shard; beyond, all bills of the account are fewer


@dataclass(frozen=True, slots=True)
class OnBill:
    """What a bill has of a commitment, in `currency`."""

    bill_id: str
    commitment_id: str
    currency: str
    fee: BilledFee


def fees_guard(entities: EntityRepository, org_id: str, account_id: str) -> Guard:
    """To read before what other bills have of an account's fees, and to name in the change of the bill that follows.

    Which fees a bill has, and what they make up for, follows from all others; two bills at a time would charge it twice.
    """
    return entities.read_guard(org_id, f"fees of account {account_id}")


def kept_beside(line_items: Sequence[Document], fees: Sequence[Fee]) -> dict[str, str]:
    """The text to keep beside a bill that was decided with `fees`: what it has of each commitment; none without fees."""
    after = {fee.commitment_id: fee.after for fee in fees}
    found: dict[str, dict[str, str | None]] = {}
    for line in line_items:
        if line["lineItemType"] == "COMMITMENT_FEE":
            id_ = line["commitmentId"]
            before = found[id_]["amount"] if id_ in found else "0"
            since = after.get(id_)
            found[id_] = {
                "currency": line["currency"],
                "amount": str(EXACT.add(Decimal(before or 0), line["subtotal"])),
                "after": since.isoformat() if since else None,
            }
    return {BILLED: wire.dumps(found).decode()} if found else {}


def on_bills(
    bills: BillRepository, org_id: str, account_id: str, commitment_ids: Collection[str]
) -> Mapping[str, Sequence[OnBill]]:
    """What the account's bills have of commitments, by the ids of these."""
    found: dict[str, list[OnBill]] = {id_: [] for id_ in commitment_ids}
    for one in _read(bills, org_id, account_id, sorted(found)):
        if one.commitment_id in found:
            found[one.commitment_id].append(one)
    return found


def without_billed(
    bills: BillRepository, org_id: str, inputs: BillingInputs, plans: Sequence[FeePlan]
) -> tuple[BillingInputs, frozenset[str]]:
    """`inputs` with the fees that no other bill of the day has, and the ids of the bills that have the others.

    Fees that follow `plans` make up for what the bills lack of the commitment (billing.md 8.2). Plans come and go, and with
    them the bill that a date falls on; a fee stays on the bill that has it.
    """
    if not inputs.fees:
        return inputs, frozenset()
    schedules = {plan.template.commitment_id: plan for plan in plans}
    billed = on_bills(bills, org_id, inputs.account.id, {fee.commitment_id for fee in inputs.fees})
    own, having = [], set[str]()
    for fee in inputs.fees:
        others = [one for one in billed[fee.commitment_id] if one.bill_id != inputs.bill_id]
        elsewhere = {one.bill_id for one in others if one.fee.day == fee.day}
        having |= elsewhere
        if not elsewhere:
            own.append(_caught_up(inputs, fee, others, schedules.get(fee.commitment_id)))
    return replace(inputs, fees=tuple(own)), frozenset(having)


def with_late_fees(bills: BillRepository, agreement: Agreement) -> Agreement:
    """The agreement with what bills after the last fee are for: of commitments that changed since, and of which they lack some."""
    over = {plan.template.commitment_id for plan in agreement.fees.plans if plan.may_be_late}
    if not over:
        return agreement
    billed = on_bills(bills, agreement.org_id, agreement.account["id"], over)
    plans = tuple(
        replace(plan, late=_late(plan, billed[plan.template.commitment_id], agreement))
        if plan.template.commitment_id in over
        else plan
        for plan in agreement.fees.plans
    )
    return replace(agreement, fees=replace(agreement.fees, plans=plans))


def _late(plan: FeePlan, billed: Sequence[OnBill], agreement: Agreement) -> Late:
    """Nothing is late of what was never billed: its own bills are still to be made."""
    code = plan.template.currency
    fees = [one.fee for one in billed if one.currency == code]
    days = frozenset[date](fee.day for fee in fees if fee.day > plan.last_day)
    billed_so_far = sum((fee.amount for fee in fees), ZERO)
    return Late(days, bool(fees) and plan.is_short(billed_so_far, agreement.terms.currency(code)))


def _caught_up(inputs: BillingInputs, fee: Fee, others: Sequence[OnBill], schedule: FeePlan | None) -> Fee:
    if schedule is None:
        return fee
    billed = [one.fee for one in others if one.currency == fee.currency]
    terms = inputs.terms
    return replace(fee, behind=schedule.behind(fee.day, billed, terms.currency(fee.currency), terms.zone))


def _read(bills: BillRepository, org_id: str, account_id: str, ids: Sequence[str]) -> Iterator[OnBill]:
    by = {"commitmentId": ids} if len(ids) <= ASKED_MAX else {"accountId": [account_id]}
    token = None
    while True:
        page = bills.list_page(org_id, BillQuery(by), page_size=PAGE, next_token=token)
        for stored in bills.get_many_stored(org_id, [header["id"] for header in page.data]):
            if stored.header["accountId"] == account_id:
                kept = wire.loads(stored.private.get(BILLED, "{}"))
                on = day(stored.header["endDate"])
                for id_, has in kept.items():
                    fee = BilledFee(on, Decimal(has["amount"]), optional_day(has["after"]))
                    yield OnBill(stored.header["id"], id_, has["currency"], fee)
        token = page.next_token
        if token is None:
            return

"""Rules of commitments (billing.md 8.1)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.domain.catalog.moments import instant
from usance.domain.catalog.pricings import window_holds
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import ends_within
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, ZERO

KEPT_ONCE_BILLED: Final = ("accountId", "currency")
DECIDE_FEES: Final = (
    *("amount", "amountPrePaid", "amountFirstBill", "startDate", "endDate"),
    *("billingPlanId", "billingInterval", "billingOffset", "billEpoch", "commitmentFeeBillInAdvance"),
)


def check_commitment(proposal: Proposal) -> Mapping[str, Any]:
    """What is paid beforehand fits into the amount, and overage is either surcharged or shown apart.

    What bills have drawn is kept, and so are account and currency once bills have drawn on it or charged its fees.
    """
    new, old = proposal.new, proposal.old or {}
    paid = EXACT.add(new.get("amountPrePaid", ZERO), new.get("amountFirstBill", ZERO))
    if paid > new["amount"]:
        raise InvalidInputError(f"amountPrePaid and amountFirstBill are {paid} together, more than amount")
    if new.get("separateOverageUsage") and new.get("overageSurchargePercent", ZERO) != 0:
        raise InvalidInputError("separateOverageUsage cannot be used with an overageSurchargePercent other than 0")
    spent = old.get("amountSpent", ZERO)
    for name in KEPT_ONCE_BILLED:
        if proposal.changed(name) and (spent or proposal.many("bills")):
            raise InvalidInputError(f"{name} cannot change once bills have drawn on the commitment or charged its fees")
    return {"amountSpent": spent}


def bills_that_have(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """By which the bills with fees of a commitment are found, where these matter: what they have counts for it alone."""
    matters = proposal.old and any(proposal.changed(name) for name in (*KEPT_ONCE_BILLED, *DECIDE_FEES))
    return {"commitmentId": [proposal.old["id"]] if proposal.old and matters else []}


def changed_when_billed(proposal: Proposal) -> Mapping[str, Any]:
    """Adds up to which day bills had fees of the commitment when these changed: what that leaves open is for later bills.

    How much that is, bills say when they are made.
    """
    days = [bill["endDate"] for bill in proposal.many("bills")]
    before = (proposal.old or {}).get("changedWhenBilledTo")
    return {"changedWhenBilledTo": max([*days, before] if before else days, default=None)}


def check_fees(proposal: Proposal) -> Mapping[str, Any]:
    """Fees follow the bills of a plan or dates of their own; a fee's service period does not end before it starts."""
    new = proposal.new
    fees = new.get("feeDates", ())
    if fees and "billingPlanId" in new:
        raise InvalidInputError("billingPlanId and feeDates exclude each other")
    for position, fee in enumerate(fees):
        if instant(fee["servicePeriodEndDate"]) < instant(fee["servicePeriodStartDate"]):
            raise InvalidInputError(
                f"feeDates[{position}].servicePeriodEndDate must not be earlier than servicePeriodStartDate"
            )
    return {}


def commitment_asked(commitment: Entity, parameters: Mapping[str, str], _now: str) -> bool:
    """Whether a list shows the commitment: active at `date`, and ending in the range asked for."""
    if "date" in parameters and not window_holds(commitment, parameters["date"]):
        return False
    return ends_within(commitment["endDate"], parameters)

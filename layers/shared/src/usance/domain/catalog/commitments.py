"""Rules of commitments (billing.md 8.1)."""

from collections.abc import Mapping
from typing import Any

from usance.domain.catalog.moments import instant
from usance.domain.catalog.pricings import window_holds
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import ends_within
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, ZERO


def check_commitment(proposal: Proposal) -> Mapping[str, Any]:
    """What is paid beforehand fits into the amount, and overage is either surcharged or shown apart.

    What bills have drawn is kept, and so is the account once they have.
    """
    new, old = proposal.new, proposal.old or {}
    paid = EXACT.add(new.get("amountPrePaid", ZERO), new.get("amountFirstBill", ZERO))
    if paid > new["amount"]:
        raise InvalidInputError(f"amountPrePaid and amountFirstBill are {paid} together, more than amount")
    if new.get("separateOverageUsage") and new.get("overageSurchargePercent", ZERO) != 0:
        raise InvalidInputError("separateOverageUsage cannot be used with an overageSurchargePercent other than 0")
    spent = old.get("amountSpent", ZERO)
    for name in ("accountId", "currency"):
        if spent and proposal.changed(name):
            raise InvalidInputError(f"{name} cannot change once bills have drawn on the commitment")
    return {"amountSpent": spent}


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

"""What many entities have: a window of time, a contract, and lists that ask for their ends."""

from collections.abc import Mapping
from typing import Any

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, SIZE_MAX_EXPONENT


def check_window(proposal: Proposal) -> Mapping[str, Any]:
    """`endDate`, which is exclusive, lies after `startDate`."""
    new = proposal.new
    if "endDate" in new and instant(new["endDate"]) <= instant(new["startDate"]):
        raise InvalidInputError("endDate must be later than startDate")
    return {}


def check_service_period(proposal: Proposal) -> Mapping[str, Any]:
    """`servicePeriodEndDate`, which is exclusive, does not lie before `servicePeriodStartDate`."""
    new = proposal.new
    if instant(new["servicePeriodEndDate"]) < instant(new["servicePeriodStartDate"]):
        raise InvalidInputError("servicePeriodEndDate must not be earlier than servicePeriodStartDate")
    return {}


def check_contract(proposal: Proposal) -> Mapping[str, Any]:
    """A contract links what its own account has."""
    new, contract = proposal.new, proposal.one("contract")
    if contract and contract["accountId"] != new["accountId"]:
        raise InvalidInputError(f"contractId: the contract {contract['id']} is of the account {contract['accountId']}")
    return {}


def overlap(one: Entity, other: Entity) -> bool:
    """Whether two windows, of which either may have no end, have a moment in common."""
    return _starts_before_end(one, other) and _starts_before_end(other, one)


def ends_within(end: str, parameters: Mapping[str, str]) -> bool:
    """Whether an end lies at or after `endDateStart` and before `endDateEnd`, as far as these were sent."""
    at = instant(end)
    if "endDateStart" in parameters and at < instant(parameters["endDateStart"]):
        return False
    return "endDateEnd" not in parameters or at < instant(parameters["endDateEnd"])


def amount_or_units(entity: Entity) -> None:
    """Refuse an amount beside units and a unit price, either of these alone, and a product that no amount may be."""
    given = [name for name in ("units", "unitPrice") if name in entity]
    if "amount" in entity and given:
        raise InvalidInputError(f"amount and {given[0]} exclude each other: send amount, or units and unitPrice")
    if "amount" not in entity and len(given) < 2:  # noqa: PLR2004  (both of the two)
        raise InvalidInputError("amount is required, or units and unitPrice together")
    if given and (product := EXACT.multiply(entity["units"], entity["unitPrice"])).adjusted() > SIZE_MAX_EXPONENT:
        raise InvalidInputError(
            f"units times unitPrice is {product:.2E}; send fewer units or a lower unitPrice: "
            f"an amount is below 1e{SIZE_MAX_EXPONENT + 1} in size"
        )


def _starts_before_end(one: Entity, other: Entity) -> bool:
    return "endDate" not in other or instant(one["startDate"]) < instant(other["endDate"])

"""Rules of charges (billing.md 10)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.catalog.windows import amount_or_units
from usance.domain.kernel.errors import InvalidInputError

_BALANCE: Final = "BALANCE"
_LINE_ITEM_TYPES: Final[Mapping[str, str]] = {"AD_HOC": "AD_HOC", _BALANCE: "BALANCE_FEE"}


def balance_of(proposal: Proposal) -> Iterable[str]:
    """The id of the balance that the charge is a fee for."""
    new = proposal.new
    return (new["entityId"],) if new["entityType"] == _BALANCE and "entityId" in new else ()


def check_charge(proposal: Proposal) -> Mapping[str, Any]:
    """The line item fits the entity, a fee names a balance of its account, and the amount is given in one way.

    The bill and the schedule of the charge are kept.
    """
    new, old, balance = proposal.new, proposal.old or {}, proposal.one("balance")
    wanted = _LINE_ITEM_TYPES[new["entityType"]]
    if new["lineItemType"] != wanted:
        raise InvalidInputError(f"lineItemType must be {wanted} for entityType {new['entityType']}")
    if new["entityType"] == _BALANCE and "entityId" not in new:
        raise InvalidInputError("entityId is required for entityType BALANCE: the id of the balance")
    if balance and balance["accountId"] != new["accountId"]:
        raise InvalidInputError(f"entityId: the balance {balance['id']} is of the account {balance['accountId']}")
    amount_or_units(new)
    return {name: old.get(name) for name in ("billId", "scheduleId")}

"""Rules of charges (billing.md 10)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Proposal
from usance.domain.catalog.windows import amount_or_units
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import local_day, time_zone

_BALANCE: Final = "BALANCE"
_LINE_ITEM_TYPES: Final[Mapping[str, str]] = {"AD_HOC": "AD_HOC", _BALANCE: "BALANCE_FEE"}


def balance_of(proposal: Proposal) -> Iterable[str]:
    """The id of the balance that the charge is a fee for."""
    new = proposal.new
    return (new["entityId"],) if new["entityType"] == _BALANCE and "entityId" in new else ()


def account_unbilled(proposal: Proposal) -> Iterable[str]:
    """The account of a charge that is on no bill yet."""
    return () if proposal.new.get("billId") else (proposal.new["accountId"],)


def check_charge(proposal: Proposal) -> Mapping[str, Any]:
    """The line item fits the entity, a fee names a balance of its account, and the amount is given in one way.

    The bill and the schedule of the charge are kept. Without a date it is billed on the day its service ends; on a bill
    it stays with its account and date.
    """
    new, balance = proposal.new, proposal.one("balance")
    wanted = _LINE_ITEM_TYPES[new["entityType"]]
    if new["lineItemType"] != wanted:
        raise InvalidInputError(f"lineItemType must be {wanted} for entityType {new['entityType']}")
    if new["entityType"] == _BALANCE and "entityId" not in new:
        raise InvalidInputError("entityId is required for entityType BALANCE: the id of the balance")
    if balance and balance["accountId"] != new["accountId"]:
        raise InvalidInputError(f"entityId: the balance {balance['id']} is of the account {balance['accountId']}")
    amount_or_units(new)
    kept = proposal.old or new
    dated = {"billDate": new.get("billDate") or _last_day(proposal)}
    for name, value in (("accountId", new["accountId"]), ("billDate", dated["billDate"])):
        if kept.get("billId") and kept.get(name) != value:
            raise InvalidInputError(
                f"{name} cannot change while the charge is on the bill {kept['billId']}; delete that bill"
            )
    return {**dated, **{name: kept.get(name) for name in ("billId", "scheduleId")}}


def _last_day(proposal: Proposal) -> str:
    """The day on which the service period, which does not include its end, has ended."""
    zone = time_zone((proposal.one("config") or {}).get("timezone", "UTC"))
    return local_day(instant(proposal.new["servicePeriodEndDate"]), zone).isoformat()

"""Rules of counters and their adjustments (metering.md 6)."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import ends_within
from usance.domain.kernel.errors import InvalidInputError

_DATED: Final = ("date", "dateStart", "dateEnd")


def check_counter(proposal: Proposal) -> Mapping[str, Any]:
    """The product stays while there are pricings; a counter may become global at any time."""
    for pricing in proposal.many("pricings") if proposal.old else ():
        if proposal.changed("productId") and "productId" in proposal.new:
            name = pricing.get("code") or pricing["id"]
            raise InvalidInputError(f"productId cannot change while the counter pricing {name} uses the counter")
    return {}


def check_adjustment_list(asked: Collection[str]) -> None:
    """Adjustments are listed of one counter; by date of one account as well."""
    if "counterId" not in asked:
        raise InvalidInputError("counterId is required to list counter adjustments")
    for name in _DATED:
        if name in asked and "accountId" not in asked:
            raise InvalidInputError(f"accountId is required with {name}")


def adjustment_asked(adjustment: Entity, parameters: Mapping[str, str], _now: str) -> bool:
    """Whether a list shows the adjustment: on `date`, from `dateStart` up to but not including `dateEnd`.

    `endDateStart` and `endDateEnd` mean the same of an adjustment, which begins and ends on its day.
    """
    day = str(adjustment["date"])
    if "date" in parameters and day != _day(parameters["date"]):
        return False
    if "dateStart" in parameters and day < _day(parameters["dateStart"]):
        return False
    if "dateEnd" in parameters and day >= _day(parameters["dateEnd"]):
        return False
    return ends_within(day, parameters)


def _day(moment: str) -> str:
    return moment[: len("2026-01-31")]

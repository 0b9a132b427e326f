"""Rules of an organization's settings: its configuration, currencies and custom fields (platform.md 11)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import time_zone

BILL_INTERVALS_HOURS: Final = ("0", "0.25", "0.5", "1", "2", "3", "4", "6", "8", "12", "24")
_ALL_DAY: Final = 24


def check_config(proposal: Proposal) -> Mapping[str, Any]:
    """The time zone exists, the currency is in the picklist and not archived, and settings that go together do."""
    new = proposal.new
    time_zone(new["timezone"])
    if not any(not currency.get("archived") for currency in proposal.many("currencies")):
        raise InvalidInputError(f"currency: {new['currency']} is not among the organization's currencies")
    if ("autoApproveBillsGracePeriod" in new) != ("autoApproveBillsGracePeriodUnit" in new):
        raise InvalidInputError("autoApproveBillsGracePeriod and autoApproveBillsGracePeriodUnit are set together")
    interval = new.get("scheduledBillInterval", 0)
    if "scheduledBillOffset" in new and interval != _ALL_DAY:
        raise InvalidInputError("scheduledBillOffset is only for a scheduledBillInterval of 24")
    return {}


def check_currency(proposal: Proposal) -> Mapping[str, Any]:
    """The organization's currency is not archived."""
    config = proposal.one("configs")
    if config and proposal.new.get("archived") and proposal.new.get("code") == config["currency"]:
        raise InvalidInputError("archived: the currency of the organization cannot be archived")
    return {}


def keep_other_kinds(proposal: Proposal) -> Mapping[str, Any]:
    """The custom fields of each kind of entity that an update does not name stay as they are (platform.md 1.7)."""
    old = proposal.old or {}
    return {kind: fields for kind, fields in old.items() if isinstance(fields, Mapping) and kind not in proposal.new}

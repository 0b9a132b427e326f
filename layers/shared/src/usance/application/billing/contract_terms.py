"""What a contract changes about the plans under it: their time, their usage, and the bill they are on (billing.md 7)."""

from dataclasses import replace
from datetime import tzinfo
from typing import TypeVar

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.values import instant
from usance.domain.billing.attached import Attachment, UsageFilters
from usance.resources.wire import Document

_Attached = TypeVar("_Attached", bound=Attachment)


def under_contract(catalogue: Catalogue, one: _Attached, zone: tzinfo) -> _Attached | None:
    """`one` as its contract has it; None when the contract's period leaves nothing of it."""
    if one.contract_id is None:
        return one
    contract = catalogue.one("contract", one.contract_id)
    start, end = one.start, one.end
    if contract.get("applyContractPeriodLimits"):
        start = max(start, instant(contract["startDate"], zone))
        last = instant(contract["endDate"], zone)
        end = last if end is None else min(end, last)
        if start >= end:
            return None
    filters = UsageFilters.of(contract.get("usageFilters") or ())
    return replace(one, start=start, end=end, filters=filters, grouping=grouping_of(catalogue, contract))


def grouping_of(catalogue: Catalogue, contract: Document) -> str:
    """Which bill of its own the contract asks for; empty for the account's ordinary bill.

    An exclusive key makes one bill for each contract that has it, another one a bill for all of them together.
    """
    key_id = contract.get("billGroupingKeyId")
    if not key_id:
        return ""
    exclusive = catalogue.one("billGroupingKey", key_id).get("exclusive")
    return exclusive_grouping(contract["id"]) if exclusive else shared_grouping(key_id)


def exclusive_grouping(contract_id: str) -> str:
    """The bill of its own of a contract with an exclusive key."""
    return f"contract/{contract_id}"


def shared_grouping(key_id: str) -> str:
    """The bill of all contracts with a key that is not exclusive."""
    return f"key/{key_id}"

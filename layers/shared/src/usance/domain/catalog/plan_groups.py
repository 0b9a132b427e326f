"""Rules of plan groups and of their links to plans (billing.md 3.3)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError

PLANS_MAX: Final = 100  # plans in a group: attaching it reads every one


def linked_plans(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the other plans of the link's group."""
    return {"id": [link["planId"] for link in proposal.many("links") if link["id"] != proposal.new["id"]]}


def links_when_moved(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the links of a group that becomes another account's; else nowhere."""
    return {"planGroupId": [proposal.new["id"]] if proposal.changed("accountId") else []}


def plans_of_moved(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the plans of those links."""
    return {"id": [link["planId"] for link in proposal.many("links")]}


def check_group(proposal: Proposal) -> Mapping[str, Any]:
    """Whose a bespoke group is never changes once an account is on it, nor while a bespoke plan of another is in it."""
    if proposal.changed("accountId") and proposal.many("account_plans"):
        raise InvalidInputError("accountId cannot change while the plan group is attached to an account")
    for plan in proposal.many("plans"):
        if plan.get("accountId", proposal.new.get("accountId")) != proposal.new.get("accountId"):
            raise InvalidInputError(
                f"accountId: the plan {plan['code']} in the plan group is bespoke to the account {plan['accountId']}"
            )
    return {}


def check_link(proposal: Proposal) -> Mapping[str, Any]:
    """One plan per product in a group; a bespoke plan only in a group of its own account."""
    new, plan, group = proposal.new, proposal.one("plan"), proposal.one("group")
    if plan is None or group is None:
        return {}
    owner = plan.get("accountId")
    if owner and owner != group.get("accountId"):
        raise InvalidInputError(f"planId: the plan {plan['id']} is bespoke to the account {owner}, the group is not")
    others = proposal.many("plans")
    if len(others) >= PLANS_MAX:
        raise InvalidInputError(f"planGroupId: a plan group has at most {PLANS_MAX} plans")
    for other in others:
        if other["id"] == new["planId"]:
            raise InvalidInputError(f"planId: the plan {other['id']} is in the plan group already")
        if other["productId"] == plan["productId"]:
            raise InvalidInputError(
                f"planId: the plan {other['code']} of the product {plan['productId']} is in the plan group already"
            )
    return {}

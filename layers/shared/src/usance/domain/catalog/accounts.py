"""Rules of accounts and account plans (billing.md 5)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from usance.domain.catalog.moments import instant
from usance.domain.catalog.pricings import window_holds
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import overlap
from usance.domain.kernel.errors import InvalidInputError

CHILDREN_MAX: Final = 999


def folded_code(proposal: Proposal) -> Iterable[str]:
    """The code as people might mistype it: what tells a near match at ingest (metering.md, question 15)."""
    return (str(proposal.new["code"]).strip().casefold(),)


def check_parent(proposal: Proposal) -> Mapping[str, Any]:
    """Two levels and no more: a parent has no parent, a child no children."""
    new, parent = proposal.new, proposal.one("parent")
    if parent is None:
        return _former_parents(proposal)
    if parent["id"] == new["id"]:
        raise InvalidInputError("parentAccountId: an account cannot be its own parent")
    if "parentAccountId" in parent:
        raise InvalidInputError(f"parentAccountId: the account {parent['id']} has a parent itself")
    if proposal.many("children"):
        raise InvalidInputError("parentAccountId: this account has child accounts, so it cannot have a parent")
    if sum(sibling["id"] != new["id"] for sibling in proposal.many("siblings")) >= CHILDREN_MAX:
        raise InvalidInputError(f"parentAccountId: an account has at most {CHILDREN_MAX} child accounts")
    return _former_parents(proposal)


def _former_parents(proposal: Proposal) -> Mapping[str, Any]:
    """Those that the account had before: their bills have what they were charged of its plans."""
    old = proposal.old or {}
    left = [old["parentAccountId"]] if proposal.changed("parentAccountId") and "parentAccountId" in old else []
    former = dict.fromkeys((*old.get("formerParentAccountIds", ()), *left))
    return {"formerParentAccountIds": list(former)} if former else {}


def check_account_plan(proposal: Proposal) -> Mapping[str, Any]:
    """One plan or plan group, in a window that is not empty; a bespoke plan goes to its own account."""
    new, plan, group = proposal.new, proposal.one("plan"), proposal.one("group")
    if ("planId" in new) == ("planGroupId" in new):
        raise InvalidInputError("exactly one of planId and planGroupId is required")
    if "endDate" in new and instant(new["endDate"]) <= instant(new["startDate"]):
        raise InvalidInputError("endDate must be later than startDate")
    if plan and plan.get("accountId", new["accountId"]) != new["accountId"]:
        raise InvalidInputError(f"planId: the plan {plan['id']} is bespoke to the account {plan['accountId']}")
    if group and group.get("accountId", new["accountId"]) != new["accountId"]:
        raise InvalidInputError(
            f"planGroupId: the plan group {group['id']} is bespoke to the account {group['accountId']}"
        )
    return {"productId": plan["productId"] if plan else None}


def links_of_groups(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the links of every plan group on the account, the new one included."""
    groups = [one.get("planGroupId") for one in (proposal.new, *proposal.many("account_plans"))]
    return {"planGroupId": [group for group in dict.fromkeys(groups) if group]}


def plans_of_links(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the plans of those links."""
    return {"id": list(dict.fromkeys(link["planId"] for link in proposal.many("links")))}


def check_overlap(proposal: Proposal) -> Mapping[str, Any]:
    """One plan per product at a time, a group's plans included, unless the organization allows more (billing.md 5.3)."""
    new, config = proposal.new, proposal.one("config")
    products = _products(proposal, new)
    if config and config.get("allowOverlappingPlans"):
        return {}
    for other in proposal.many("account_plans"):
        same_product = bool(products & _products(proposal, other))
        if other["id"] != new["id"] and same_product and overlap(new, other):
            raise InvalidInputError(
                f"startDate: the account plan {other['id']} covers the same product from {other['startDate']} "
                f"to {other.get('endDate', 'an open end')}"
            )
    return {}


def check_account_plan_list(asked: Collection[str]) -> None:
    """What is not active is listed of one account, plan or contract; the plans of a product of one account (billing.md 5.3)."""
    if "product" in asked and "account" not in asked:
        raise InvalidInputError("account is required with product")
    if "includeall" in asked and not {"account", "plan", "contract"} & set(asked):
        raise InvalidInputError("account, plan or contract is required with includeall=true")


def active_or_asked(account_plan: Entity, parameters: Mapping[str, str], now: str) -> bool:
    """Whether a list shows the account plan: active now or at `date`, unless `includeall` asks for every one."""
    if "date" in parameters:
        return window_holds(account_plan, parameters["date"])
    return parameters.get("includeall") == "true" or window_holds(account_plan, now)


def _products(proposal: Proposal, account_plan: Entity) -> set[str]:
    if "planGroupId" not in account_plan:
        return {account_plan["productId"]}
    plans = {link["planId"] for link in proposal.many("links") if link["planGroupId"] == account_plan["planGroupId"]}
    return {plan["productId"] for plan in proposal.many("group_plans") if plan["id"] in plans}

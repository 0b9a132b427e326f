"""A plan that joins a plan group joins every account that the group is on (billing.md 3.3, 5.3).

So it is looked for what those accounts have of the plan's product: plans of their own, and other groups with plans of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import overlap
from usance.domain.kernel.errors import InvalidInputError

NAMED_MAX: Final = 100  # accounts or plans to narrow what is read, each a query; beyond, all there are are read
_NOWHERE: Final[Mapping[str, Sequence[str]]] = {"id": ()}


def attachments(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the account plans of the group; nowhere if nothing joins it, or plans may overlap."""
    config = proposal.one("config")
    if not _joins(proposal) or (config and config.get("allowOverlappingPlans")):
        return _NOWHERE
    return {"planGroupId": [proposal.new["planGroupId"]]}


def plans_of_product(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for all plans of the product."""
    return {"productId": [_product(proposal)]} if proposal.many("attached") else _NOWHERE


def links_of_product(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the links of those plans, of which a product may have one for each account."""
    plans = sorted(plan["id"] for plan in proposal.many("plans_of_product"))
    return {"planId": plans} if len(plans) <= NAMED_MAX else {}


def plans_beside(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the account plans with a plan of the product."""
    return {"productId": [_product(proposal)], **_accounts(proposal)} if proposal.many("attached") else _NOWHERE


def groups_beside(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the account plans with another group that has a plan of the product, of which there may be many."""
    groups = _other_groups(proposal)
    if not groups:
        return _NOWHERE
    return _accounts(proposal) or ({"planGroupId": sorted(groups)} if len(groups) <= NAMED_MAX else {})


def check_joining(proposal: Proposal) -> Mapping[str, Any]:
    """No account that the group is on gets a second plan of one product for the same time."""
    attached: dict[str, list[Entity]] = {}
    for one in proposal.many("attached"):
        attached.setdefault(one["accountId"], []).append(one)
    groups = _other_groups(proposal)
    grouped = (other for other in proposal.many("groups_beside") if other.get("planGroupId") in groups)
    for other in (*proposal.many("plans_beside"), *grouped):
        for one in attached.get(other["accountId"], ()):
            if overlap(one, other):
                raise InvalidInputError(
                    f"planId: the account {one['accountId']}, which the plan group is on, has the account plan {other['id']} "
                    f"for the same product from {other['startDate']} to {other.get('endDate', 'an open end')}"
                )
    return {}


def _other_groups(proposal: Proposal) -> set[str]:
    """The ids of the other groups that have a plan of the product; a link that moves leaves its own."""
    plans = {plan["id"] for plan in proposal.many("plans_of_product")}
    links = (link for link in proposal.many("links_of_product") if link["id"] != proposal.new["id"])
    groups = {str(link["planGroupId"]) for link in links if link["planId"] in plans}
    return groups - {proposal.new["planGroupId"]}


def _joins(proposal: Proposal) -> bool:
    return proposal.old is None or proposal.changed("planId") or proposal.changed("planGroupId")


def _product(proposal: Proposal) -> str:
    plan = proposal.one("plan")
    return str(plan["productId"]) if plan else ""


def _accounts(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    accounts = sorted({one["accountId"] for one in proposal.many("attached")})
    return {"accountId": accounts} if len(accounts) <= NAMED_MAX else {}

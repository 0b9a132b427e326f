"""A plan that joins a plan group joins every account that the group is on (billing.md 3.3, 5.3).

So it is looked for what those accounts have of the plan's product: plans of their own, and other groups with plans of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import overlap
from usance.domain.kernel.errors import InvalidInputError

ACCOUNTS_MAX: Final = 100  # named to narrow what is read; beyond, all that have the product are read
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


def all_links(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the links of those plans: everywhere, since a product may have a plan for each account."""
    return {} if proposal.many("attached") else _NOWHERE


def plans_beside(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the account plans with a plan of the product."""
    return {"productId": [_product(proposal)], **_accounts(proposal)} if proposal.many("attached") else _NOWHERE


def groups_beside(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    """Where to look for the account plans with another group that has a plan of the product."""
    plans = {plan["id"] for plan in proposal.many("plans_of_product")}
    groups = {link["planGroupId"] for link in proposal.many("all_links") if link["planId"] in plans}
    return {"planGroupId": sorted(groups - {proposal.new["planGroupId"]}), **_accounts(proposal)}


def check_joining(proposal: Proposal) -> Mapping[str, Any]:
    """No account that the group is on gets a second plan of one product for the same time."""
    attached: dict[str, list[Entity]] = {}
    for one in proposal.many("attached"):
        attached.setdefault(one["accountId"], []).append(one)
    for other in (*proposal.many("plans_beside"), *proposal.many("groups_beside")):
        for one in attached.get(other["accountId"], ()):
            if overlap(one, other):
                raise InvalidInputError(
                    f"planId: the account {one['accountId']}, which the plan group is on, has the account plan {other['id']} "
                    f"for the same product from {other['startDate']} to {other.get('endDate', 'an open end')}"
                )
    return {}


def _joins(proposal: Proposal) -> bool:
    return proposal.old is None or proposal.changed("planId") or proposal.changed("planGroupId")


def _product(proposal: Proposal) -> str:
    plan = proposal.one("plan")
    return str(plan["productId"]) if plan else ""


def _accounts(proposal: Proposal) -> Mapping[str, Sequence[str]]:
    accounts = sorted({one["accountId"] for one in proposal.many("attached")})
    return {"accountId": accounts} if len(accounts) <= ACCOUNTS_MAX else {}

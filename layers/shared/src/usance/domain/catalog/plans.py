"""Rules of plan templates and plans (billing.md 1, 5.3)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError


def priced_when_moved(field: str, index: str) -> Callable[[Proposal], Mapping[str, Sequence[str]]]:
    """Where to look for the pricings of a plan or template whose `field`, and so its product, changes; else nowhere."""
    return lambda proposal: {index: [proposal.new["id"]] if proposal.changed(field) else []}


def check_template(proposal: Proposal) -> Mapping[str, Any]:
    """The standing charge's offset falls inside its interval, and the product stays while there are plans or pricings."""
    interval, offset = proposal.new.get("standingChargeInterval", 1), proposal.new.get("standingChargeOffset", 0)
    if offset >= interval:
        raise InvalidInputError(f"standingChargeOffset must be less than standingChargeInterval, which is {interval}")
    if proposal.changed("productId") and (proposal.many("plans") or _priced(proposal)):
        raise InvalidInputError("productId cannot change while the plan template has plans or pricings")
    return {}


def check_plan(proposal: Proposal) -> Mapping[str, Any]:
    """A plan has its template's product. Whose it is, if bespoke, never changes (billing.md 5.3)."""
    new, template = proposal.new, proposal.one("template")
    if new.get("bespoke") and "accountId" not in new:
        raise InvalidInputError("accountId is required for a bespoke plan")
    if proposal.old and proposal.changed("accountId"):
        raise InvalidInputError("accountId cannot change: make another plan for the other account")
    product = template["productId"] if template else None
    if proposal.old and proposal.many("account_plans") and proposal.old.get("productId") != product:
        raise InvalidInputError("planTemplateId: the plan is attached to accounts, so its product cannot change")
    if proposal.old and proposal.many("links") and proposal.old.get("productId") != product:
        raise InvalidInputError("planTemplateId: the plan is in a plan group, so its product cannot change")
    if proposal.old and _priced(proposal) and proposal.old.get("productId") != product:
        raise InvalidInputError("planTemplateId: the plan has pricings, so its product cannot change")
    return {"productId": product}


def _priced(proposal: Proposal) -> bool:
    """Whether it has pricings: they may be of what is of its product alone."""
    return bool(proposal.many("pricings") or proposal.many("counter_pricings"))

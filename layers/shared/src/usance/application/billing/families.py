"""Which plans an account's own bill charges for, where accounts have parents (billing.md 5.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Product, Standing
from usance.domain.billing.pool import Child, ChildBilling, Member
from usance.domain.billing.pricings import Minimum
from usance.domain.kernel.period import Instants, joined
from usance.domain.kernel.quantity import ZERO
from usance.resources.wire import Document

Attached = AttachedPlan | AttachedGroup
Attach = Callable[[Document], Sequence[Attached]]
"""Takes an account and answers what its own account plans put on it."""

_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


def billed_on(catalogue: Catalogue, account: Document, attach: Attach, settings: object) -> Sequence[Attached]:
    """What the bills of `account` charge for. `settings` tell apart what `attach` answers for one account.

    A parent's bill has its own plans, which rate the usage of the whole family, and its children's plans; a child's has
    those of its plans that charge the child, and the child's part of such plans of its parent.
    """
    parent_id = account.get("parentAccountId")
    if not parent_id:
        return _of_parent(catalogue, account, attach, settings)
    own = [one for one in attach(account) if one.child_billing is ChildBilling.CHILD]
    family = _of_parent(catalogue, catalogue.one("account", parent_id), attach, settings)
    return [*own, *(part_of(one) for one in family if isinstance(one, AttachedPlan) and _charges_children(one))]


def children_of(catalogue: Catalogue, account_id: str) -> Sequence[Document]:
    """The child accounts, by code."""
    found: Sequence[Document] = catalogue.remember(
        ("children", account_id),
        lambda: catalogue.entities.list_all(catalogue.org_id, "account", filters={"parentAccountId": [account_id]}),
    )
    return sorted(found, key=lambda child: child["code"])


def _of_parent(catalogue: Catalogue, account: Document, attach: Attach, settings: object) -> Sequence[Attached]:
    children = children_of(catalogue, account["id"])
    if not children:
        return attach(account)
    return catalogue.remember(("family", account["id"], settings), lambda: _family(account, children, attach))


def _family(account: Document, children: Sequence[Document], attach: Attach) -> Sequence[Attached]:
    theirs = {child["id"]: attach(child) for child in children}
    found: list[Attached] = [
        replace(one, members=_members(account, children, theirs, one.product)) if isinstance(one, AttachedPlan) else one
        for one in attach(account)
    ]
    for child in children:
        named = Child(child["id"], child["code"])
        mine = theirs[child["id"]]
        found += [_of_child(one, named) for one in mine if one.child_billing is not ChildBilling.CHILD]
    return found


def _of_child(one: Attached, child: Child) -> Attached:
    if isinstance(one, AttachedPlan):
        return replace(one, child=child, members=(Member(child.id, child),))
    return replace(one, child=child)


def _members(
    account: Document, children: Sequence[Document], theirs: Mapping[str, Sequence[Attached]], product: Product
) -> tuple[Member, ...]:
    """The parent and its children; a child is away while a plan of its own has the product."""
    found = [Member(account["id"])]
    for child in children:
        own = [
            Instants(one.start, one.end or _FOR_EVER)
            for one in theirs[child["id"]]
            if isinstance(one, AttachedPlan) and one.product.id == product.id
        ]
        found.append(Member(child["id"], Child(child["id"], child["code"]), joined(own)))
    return tuple(found)


def _charges_children(plan: AttachedPlan) -> bool:
    return plan.child is None and plan.child_billing is ChildBilling.CHILD


def part_of(plan: AttachedPlan) -> AttachedPlan:
    """A parent's plan as its child is charged for it: usage alone."""
    return replace(
        plan,
        standing=Standing(ZERO),
        minimum=Minimum(ZERO),
        pricings=tuple(replace(pricing, minimum=Minimum(ZERO)) for pricing in plan.pricings),
        counter_pricings=(),
    )

"""What every step of the pipeline sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usance.domain.billing.inputs import AttachedGroup, AttachedPlan, BillingInputs, Product
from usance.domain.billing.items import Item
from usance.domain.billing.usage import UsageValues
from usance.domain.billing.windows import Window


@dataclass(frozen=True, slots=True)
class ServedPlan:
    """A plan of the bill with the window it settles in arrears and the one it charges in advance."""

    plan: AttachedPlan
    closing: Window | None
    starting: Window | None


@dataclass(frozen=True, slots=True)
class ServedGroup:
    """A plan group of the bill, with its windows as a plan has them."""

    group: AttachedGroup
    closing: Window | None
    starting: Window | None


@dataclass(frozen=True, slots=True)
class Context:
    """A bill being decided."""

    inputs: BillingInputs
    served: tuple[ServedPlan, ...]
    usage: UsageValues
    served_groups: tuple[ServedGroup, ...] = ()

    def product(self, *candidates: str | None) -> Product | None:
        """The first accounting product that is named and exists (billing.md 12.5)."""
        known = self.inputs.products
        return next((known[id_] for id_ in candidates if id_ and id_ in known), None)


Step = Callable[[Context, Sequence[Item]], Sequence[Item]]
"""Takes the items so far and answers the items to add."""

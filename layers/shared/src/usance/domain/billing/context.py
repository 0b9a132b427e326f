"""What every step of the pipeline sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Attachment, Product
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.items import Item
from usance.domain.billing.usage import UsageValues
from usance.domain.billing.windows import Window

Attached_co = TypeVar("Attached_co", bound=Attachment, covariant=True)


@dataclass(frozen=True, slots=True)
class Served(Generic[Attached_co]):
    """A plan or plan group of the bill with the window it settles in arrears and the one it charges in advance."""

    plan: Attached_co
    closing: Window | None
    starting: Window | None


@dataclass(frozen=True, slots=True)
class Context:
    """A bill being decided."""

    inputs: BillingInputs
    served: tuple[Served[AttachedPlan], ...]
    usage: UsageValues
    served_groups: tuple[Served[AttachedGroup], ...] = ()

    def product(self, *candidates: str | None) -> Product | None:
        """The first accounting product that is named and exists (billing.md 12.5)."""
        known = self.inputs.products
        return next((known[id_] for id_ in candidates if id_ and id_ in known), None)


Step = Callable[[Context, Sequence[Item]], Sequence[Item]]
"""Takes the items so far and answers the items to add."""

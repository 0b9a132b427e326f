"""What every step of the pipeline sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Attachment, Product
from usance.domain.billing.billed import Billed
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.items import Item
from usance.domain.billing.usage import UsageValues
from usance.domain.billing.windows import Window
from usance.domain.kernel.period import Instants

Attached_co = TypeVar("Attached_co", bound=Attachment, covariant=True)


@dataclass(frozen=True, slots=True)
class Served(Generic[Attached_co]):
    """A plan or plan group of the bill with the window it settles in arrears and the one it charges in advance.

    `unsettled` are the parts of the closing window that no other bill has settled; nearly always it is the whole.
    `over` is the time after the plan's end, on the bill that ends the period of the end: what was charged for it is given back.
    """

    plan: Attached_co
    closing: Window | None
    starting: Window | None
    unsettled: tuple[Window, ...] = ()
    over: Instants | None = None


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

TimeStep = Callable[[Context, Served[Attachment]], Sequence[Billed]]
"""Answers for which time a bill charges something of a plan, or gives it back."""

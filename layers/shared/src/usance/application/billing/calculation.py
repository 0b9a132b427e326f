"""What calculating a bill is told."""

from dataclasses import dataclass

from usance.application.billing.gather import Agreement
from usance.application.billing.overrides import Overrides
from usance.domain.billing.bill_key import BillKey
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Calculation:
    """A bill to make: under which agreement, for which day, asked for by which job.

    `scheduled`: nobody asked, so a bill that would not change is left alone, approval included.
    """

    agreement: Agreement
    key: BillKey
    overrides: Overrides
    job: Document
    scheduled: bool = False

    @property
    def bill_id(self) -> str:
        """The id of the bill, whether there is one yet or not."""
        return self.agreement.bill_id(self.key)

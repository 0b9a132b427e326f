"""Which bills took the corrections of a bill.

A bill that was ever corrected has an entity of the type `billCorrection` under its own id: the corrections in order, each with
its sequence number and the bill that took it. It changes in the transaction that puts the correction onto that bill, on
condition of its version, so that two requests cannot make the same correction.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from usance.application.audit import created, updated
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.kernel.ids import derived_id
from usance.resources.wire import Document

TYPE: Final = "billCorrection"


@dataclass(frozen=True, slots=True)
class History:
    """The corrections of one bill. `document` is the entity, None before the first."""

    bill_id: str
    document: Document | None

    @classmethod
    def read(cls, entities: EntityRepository, org_id: str, bill_id: str) -> Self:
        """As it is now."""
        return cls(bill_id, entities.get(org_id, TYPE, bill_id))

    @property
    def target_ids(self) -> tuple[str, ...]:
        """The bills that took corrections, each once."""
        return tuple(dict.fromkeys(step["billId"] for step in self._steps))

    def memo_id(self, line_id: str) -> str:
        """The id of the memo by which the next correction corrects a line item."""
        return derived_id("correction", self.bill_id, str(len(self._steps) + 1), line_id)

    def with_one_on(self, target_id: str, by: str, at: datetime) -> Put:
        """The change that adds one more correction, on the bill `target_id`."""
        steps = [*self._steps, {"sequence": len(self._steps) + 1, "billId": target_id}]
        body = {"billId": self.bill_id, "steps": steps}
        old = self.document
        document = updated(body, old, by, at) if old else created(body, self.bill_id, by, at)
        return Put(TYPE, document, int(old["version"]) if old else None)

    @property
    def _steps(self) -> list[Document]:
        return list(self.document["steps"]) if self.document else []

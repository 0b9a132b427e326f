"""Which corrections of a bill were made, so that none is made twice.

A bill that was ever corrected has an entity of the type `billCorrection` under its own id, with the corrections in order: the
sequence number, the bill that takes it, and whether that is `done`. It is written before the bill that takes the correction is
changed, on condition of its version, so that two requests cannot begin a correction each. The ids of a correction's memos
follow from the bill, the sequence number and the line item: whoever finishes one that was begun writes the same ones.
"""

from dataclasses import dataclass
from typing import Final, Self

from usance.application.audit import created, updated
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.kernel.ids import derived_id
from usance.resources.wire import Document

TYPE: Final = "billCorrection"


@dataclass(frozen=True, slots=True)
class Step:
    """One correction: what it is told apart by, and the bill that takes it."""

    sequence: int
    target_id: str
    done: bool

    def memo_id(self, bill_id: str, line_id: str) -> str:
        """The id of the memo that corrects a line item."""
        return derived_id("correction", bill_id, str(self.sequence), line_id)


@dataclass(frozen=True, slots=True)
class History:
    """The corrections of one bill. `document` is the entity, None before the first."""

    bill_id: str
    document: Document | None
    steps: tuple[Step, ...]

    @classmethod
    def read(cls, entities: EntityRepository, org_id: str, bill_id: str) -> Self:
        """As it is now."""
        document = entities.get(org_id, TYPE, bill_id)
        steps = document["steps"] if document else ()
        return cls(bill_id, document, tuple(Step(one["sequence"], one["billId"], one["done"]) for one in steps))

    @property
    def begun(self) -> Step | None:
        """A correction that was begun, and perhaps not finished."""
        return self.steps[-1] if self.steps and not self.steps[-1].done else None

    def begin(self, entities: EntityRepository, org_id: str, target_id: str, by: str, clock: Clock) -> Self:
        """With one more correction. `VersionConflictError` when another request has begun one meanwhile."""
        step = Step(len(self.steps) + 1, target_id, done=False)
        return self._saved(entities, org_id, (*self.steps, step), by, clock)

    def finish(self, entities: EntityRepository, org_id: str, by: str, clock: Clock) -> Self:
        """With the last correction done."""
        last = self.steps[-1]
        done = Step(last.sequence, last.target_id, done=True)
        return self._saved(entities, org_id, (*self.steps[:-1], done), by, clock)

    def _saved(self, entities: EntityRepository, org_id: str, steps: tuple[Step, ...], by: str, clock: Clock) -> Self:
        body = {
            "billId": self.bill_id,
            "steps": [{"sequence": one.sequence, "billId": one.target_id, "done": one.done} for one in steps],
        }
        old = self.document
        now = clock.now()
        document = updated(body, old, by, now) if old else created(body, self.bill_id, by, now)
        entities.commit(org_id, [Put(TYPE, document, int(old["version"]) if old else None)])
        return type(self)(self.bill_id, document, steps)

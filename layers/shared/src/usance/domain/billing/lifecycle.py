"""What the status of a bill allows (billing.md 12.7): PENDING ⇄ APPROVED → locked for good."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from usance.domain.kernel.errors import InvalidInputError


class BillStatus(StrEnum):
    """Whether someone, or the grace period, has agreed to the bill."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"


@dataclass(frozen=True, slots=True)
class BillState:
    """Where a bill stands. `last_day` is the last day of its period, included."""

    id: str
    status: BillStatus
    locked_itself: bool
    last_day: date

    def is_locked(self, lock_date: date | None) -> bool:
        """Locked on its own, or with everything up to the organization's `lock_date`."""
        return self.locked_itself or (lock_date is not None and self.last_day <= lock_date)

    def require_unlocked(self, lock_date: date | None) -> None:
        """`InvalidInputError` when nothing about the bill may change any more."""
        if self.locked_itself:
            raise InvalidInputError(f"the bill {self.id} is locked; a locked bill never changes")
        if self.is_locked(lock_date):
            raise InvalidInputError(
                f"the bill {self.id} ends on or before billLockDate {lock_date}; move that date back to change the bill"
            )

    def require_lockable(self) -> None:
        """`InvalidInputError` unless the bill is approved."""
        if self.status is not BillStatus.APPROVED:
            raise InvalidInputError(f"status: the bill {self.id} is PENDING; approve it before it is locked")

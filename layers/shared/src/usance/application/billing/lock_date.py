"""The organization's billLockDate, and changes of bills that hold only while it stays as it was seen (billing.md 12.7).

Whoever changes a bill reads the `Lock` first, decides, and names its guard in the change; `close.py` moves the guards whenever
the date is set. So no bill changes any more once it is locked, whichever of the two was read first. The guards are several,
told apart by the bill, since all bills of a run hold one at the same time.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from zlib import crc32

from usance.application.billing.stores import BillingStores
from usance.application.billing.values import optional_day
from usance.application.ports.entities import EntityRepository, Guard
from usance.domain.billing.lifecycle import BillState
from usance.domain.kernel.errors import UnavailableError
from usance.resources.wire import Document

BILL_CONFIG: Final = "billConfig"
CLOSING: Final = (
    "billClosing"  # of an organization while its lock date is being set: `upTo`, and `until` when that counts
)
GUARDS: Final = tuple(
    f"bill lock {number}" for number in range(64)
)  # many, as 100 workers may store at once; few enough to move in one transaction
CLOSING_MARGIN_SECONDS: Final = 5  # clocks differ: others honour a closing longer than its owner may use it


@dataclass(frozen=True, slots=True)
class Lock:
    """What a change of a bill must know of the lock date. `closing` is one that is being set right now."""

    up_to: date | None
    closing: date | None
    guard: Guard

    def is_locked(self, state: BillState) -> bool:
        """Whether nothing about the bill may change; `UnavailableError` while that is being decided."""
        locked = state.is_locked(self.up_to)
        if not locked and state.is_locked(self.closing):
            raise UnavailableError(f"bills up to {self.closing} are being locked; repeat the request")
        return locked

    def require_unlocked(self, state: BillState) -> None:
        """`InvalidInputError` when nothing about the bill may change; `UnavailableError` while that is being decided."""
        state.require_unlocked(self.up_to)
        self.is_locked(state)


def read_lock(stores: BillingStores, org_id: str, bill_id: str) -> Lock:
    """The lock as a change of the bill must see it. Its guard is read first, so that it stands for all that is read after."""
    name = GUARDS[crc32(bill_id.encode()) % len(GUARDS)]
    guard = replace(stores.entities.read_guard(org_id, name), holds=True)
    found = stores.entities.get(org_id, CLOSING, org_id)
    closing = found if found and counts(found, stores.clock.now()) else {}
    return Lock(read_lock_date(stores.entities, org_id), optional_day(closing.get("upTo")), guard)


def counts(closing: Document, now: datetime) -> bool:
    """Whether somebody may still be setting the lock date; not when that ended in the middle."""
    return bool(now.timestamp() < closing["until"] + CLOSING_MARGIN_SECONDS)


def read_lock_date(entities: EntityRepository, org_id: str) -> date | None:
    """The last day up to which everything is locked, or None; for who changes no bill."""
    return optional_day((entities.get(org_id, BILL_CONFIG, org_id) or {}).get("billLockDate"))

"""Set the lock date, whatever bills change at the same time (billing.md 12.7).

The date is announced first: from then on no bill that it would lock can change, and every change that was decided earlier
fails, since all guards have moved. What is PENDING now stays what it is until the date is in force, or given up.
"""

from dataclasses import replace
from datetime import date
from typing import Final

from usance.application.billing.lock_date import CLOSING, GUARDS, counts
from usance.application.billing.stores import BillingStores
from usance.application.ports.entities import Delete, Guard, Put
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.kernel.errors import InvalidInputError, VersionConflictError

CLOSING_SECONDS: Final = 30  # as long as a request can live


def put_config(stores: BillingStores, org_id: str, config: Put, lock_date: date | None) -> None:
    """Put the billing configuration, whose lock date is `lock_date`.

    `InvalidInputError` when a bill up to the date is pending; `VersionConflictError` when somebody else sets it.
    """
    guards = tuple(stores.entities.read_guard(org_id, name) for name in GUARDS)
    old = stores.entities.get(org_id, CLOSING, org_id)
    if old and counts(old, stores.clock.now()):
        raise VersionConflictError("the billing configuration is being changed by another request; repeat the request")
    if lock_date is None:
        stores.entities.commit(org_id, [replace(config, guards=guards)])
        return
    version = int(old["version"]) + 1 if old else 1
    until = int(stores.clock.now().timestamp()) + CLOSING_SECONDS
    closing = {"id": org_id, "version": version, "upTo": lock_date.isoformat(), "until": until}
    stores.entities.commit(org_id, [Put(CLOSING, closing, version - 1 if old else None, guards=guards)])
    _decide(stores, org_id, config, lock_date, tuple(replace(guard, seen=guard.seen + 1) for guard in guards))


def _decide(stores: BillingStores, org_id: str, config: Put, lock_date: date, guards: tuple[Guard, ...]) -> None:
    opened = Delete(CLOSING, org_id, guards=guards)
    if stores.bills.exists_up_to(org_id, BillStatus.PENDING, lock_date):
        stores.entities.commit(org_id, [opened])
        raise InvalidInputError(
            f"billLockDate: bills that end on or before {lock_date} are still PENDING; approve or delete them first"
        )
    found = stores.entities.get(org_id, CLOSING, org_id)
    if found is None or stores.clock.now().timestamp() >= found["until"]:
        raise VersionConflictError("setting billLockDate took too long; repeat the request")
    stores.entities.commit(org_id, [config, opened])

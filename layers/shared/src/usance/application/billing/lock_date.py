"""The organization's billLockDate (billing.md 12.7)."""

from datetime import date

from usance.application.billing.convert import optional_day
from usance.application.ports.entities import EntityRepository

BILL_CONFIG = "billConfig"


def read_lock_date(entities: EntityRepository, org_id: str) -> date | None:
    """The last day up to which everything is locked, or None."""
    return optional_day((entities.get(org_id, BILL_CONFIG, org_id) or {}).get("billLockDate"))

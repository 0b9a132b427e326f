"""Tell that an account could not be billed; jobs have no status for it (billing.md 12.8)."""

from typing import Final

from usance.application.billing.stores import Workbench
from usance.application.ports.events import Event
from usance.domain.kernel.ids import derived_id
from usance.resources.event_names import BILLING_JOB_FAILURE
from usance.resources.wire import Document

EVENT_NAME: Final = BILLING_JOB_FAILURE
MESSAGE_MAX_CHARS: Final = 1_000


def record_failure(bench: Workbench, job: Document, account_id: str, message: str) -> None:
    """One event per job and account, however often it fails."""
    bench.events.append(
        Event(
            id=derived_id(job["orgId"], job["id"], account_id, EVENT_NAME),
            org_id=job["orgId"],
            name=EVENT_NAME,
            time=bench.stores.clock.now(),
            detail={
                "eventData": {
                    "type": "BillingFailure",
                    "billJobId": job["id"],
                    "accountId": account_id,
                    "message": message[:MESSAGE_MAX_CHARS],
                }
            },
            resource_id=job["id"],
            account_id=account_id,
        )
    )

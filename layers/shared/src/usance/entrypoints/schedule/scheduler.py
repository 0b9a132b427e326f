"""The schedules. Their events say which one fired and for when, so that any moment can be replayed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from usance.application.billing.run_schedule import run_scheduled_approval, run_scheduled_billing
from usance.application.billing.stores import BillingStores
from usance.application.credit.run_schedules import run_balance_schedules
from usance.application.exports.run_schedules import run_export_schedules
from usance.bootstrap.scheduler import Scheduler, build_scheduler
from usance.resources.instants import from_text

SCHEDULES: Final[Mapping[str, Callable[[Scheduler, datetime], int]]] = {
    "BillingSchedule": lambda scheduler, at: _bill(scheduler.billing, at),
    "ApprovalSchedule": lambda scheduler, at: run_scheduled_approval(scheduler.billing, at),
    "ExportSchedule": lambda scheduler, at: run_export_schedules(scheduler.exports, at),
}

logger = Logger()


def _bill(stores: BillingStores, at: datetime) -> int:
    """What balances are due comes first, so that the bills of the moment hold it."""
    return run_balance_schedules(stores.entities, at) + run_scheduled_billing(stores, at)


def handler(build: Callable[[], Scheduler] = build_scheduler) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A Lambda handler that does what is due at the event's `time` and answers how much it did."""

    def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
        schedule = SCHEDULES[event["schedule"]]
        count = schedule(build(), from_text(event["time"]))
        logger.info("the schedule ran", schedule=event["schedule"], time=event["time"], count=count)
        return {"schedule": event["schedule"], "count": count}

    return handle

"""The schedules. Their events say which one fired and for when, so that any moment can be replayed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from usance.application.billing.run_schedule import run_scheduled_approval, run_scheduled_billing
from usance.application.exports.run_schedules import run_export_schedules
from usance.bootstrap.scheduler import Scheduler, build_scheduler
from usance.resources.instants import from_text

SCHEDULES: Final[Mapping[str, Callable[[Scheduler, datetime], int]]] = {
    "BillingSchedule": lambda scheduler, at: run_scheduled_billing(scheduler.billing, at),
    "ApprovalSchedule": lambda scheduler, at: run_scheduled_approval(scheduler.billing, at),
    "ExportSchedule": lambda scheduler, at: run_export_schedules(scheduler.exports, at),
}

logger = Logger()


def handler(build: Callable[[], Scheduler] = build_scheduler) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A Lambda handler that does what is due at the event's `time` and answers how much it did."""

    def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
        schedule = SCHEDULES[event["schedule"]]
        count = schedule(build(), from_text(event["time"]))
        logger.info("the schedule ran", schedule=event["schedule"], time=event["time"], count=count)
        return {"schedule": event["schedule"], "count": count}

    return handle

"""The schedules. Their events say which one fired and for when, so that any moment can be replayed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from usance.application.billing.credits.sweep import settle_left_draws
from usance.application.billing.run_schedule import run_scheduled_approval, run_scheduled_billing
from usance.application.billing.stores import BillingStores
from usance.application.credit.run_schedules import run_balance_schedules
from usance.application.exports.run_schedules import run_export_schedules
from usance.application.notifications.raise_scheduled import raise_scheduled_events
from usance.bootstrap.scheduler import Scheduler, build_scheduler
from usance.resources.instants import from_text

Left = Callable[[], int]
"""How many milliseconds are left."""
EVENTS_LEFT_MILLISECONDS: Final = 20_000  # for the page at hand and for keeping how far it came
BILLING_LEFT_MILLISECONDS: Final = 120_000  # half of the function's time, for the jobs of every organization
DRAWS_LEFT_MILLISECONDS: Final = 30_000  # for the credits of the bill at hand, of which there are hundreds at most

SCHEDULES: Final[Mapping[str, Callable[[Scheduler, datetime, Left], int]]] = {
    "BillingSchedule": lambda scheduler, at, left: _bill(scheduler.billing, at, left),
    "ApprovalSchedule": lambda scheduler, at, _: run_scheduled_approval(scheduler.billing, at),
    "ExportSchedule": lambda scheduler, at, _: run_export_schedules(scheduler.exports, at),
    "EventSchedule": lambda scheduler, at, left: raise_scheduled_events(
        scheduler.events, at, lambda: left() < EVENTS_LEFT_MILLISECONDS
    ),
}

logger = Logger()


def _bill(stores: BillingStores, at: datetime, left: Left) -> int:
    """What balances are due comes first, so that the bills of the moment hold it. That it fails keeps nobody from a bill.

    What is left on record of bills that no run finished comes last, as far as there is time.
    """
    try:
        done = run_balance_schedules(stores.entities, at, lambda: left() < BILLING_LEFT_MILLISECONDS)
    finally:
        billed = run_scheduled_billing(stores, at)
    return done + billed + settle_left_draws(stores, at, lambda: left() < DRAWS_LEFT_MILLISECONDS)


def handler(build: Callable[[], Scheduler] = build_scheduler) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A Lambda handler that does what is due at the event's `time` and answers how much it did."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        schedule = SCHEDULES[event["schedule"]]
        count = schedule(build(), from_text(event["time"]), context.get_remaining_time_in_millis)
        logger.info("the schedule ran", schedule=event["schedule"], time=event["time"], count=count)
        return {"schedule": event["schedule"], "count": count}

    return handle

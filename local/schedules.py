"""Fires the template's schedules. The event carries the time it was due, which is the only clock a handler may use."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from local.expressions import Next, parse
from local.names import ACCOUNT_ID, REGION, STACK_NAME
from local.plan import Schedule
from local.queues import Invoke
from local.template import TemplateError
from local.workers import BusyError, FunctionError

_LOG: Final = logging.getLogger("local.schedules")
_RETRY_PAUSE_SECONDS: Final = 5
_RETRIES_MAX: Final = 5  # fewer than AWS may do: the next firing comes soon enough
_TICK_SECONDS: Final = 0.5


def text_of(moment: datetime) -> str:
    """A time as events carry it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_event(schedule: Schedule, moment: datetime) -> Any:
    """The event of `schedule` due at `moment`: its own input with the scheduler's attributes filled in, else the default."""
    identifier = str(uuid.uuid4())
    if schedule.source == "aws.scheduler":
        arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/{STACK_NAME}-{schedule.logical_id}"
    else:
        arn = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{STACK_NAME}-{schedule.logical_id}"
    if schedule.payload is None:
        return {
            "version": "0",
            "id": identifier,
            "detail-type": "Scheduled Event",
            "source": schedule.source,
            "account": ACCOUNT_ID,
            "time": text_of(moment),
            "region": REGION,
            "resources": [arn],
            "detail": "{}" if schedule.source == "aws.scheduler" else {},
        }
    text = schedule.payload
    if schedule.source == "aws.scheduler":
        attributes = {
            "scheduled-time": text_of(moment),
            "schedule-arn": arn,
            "execution-id": identifier,
            "attempt-number": "1",
        }
        for name, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
    return json.loads(text)


class Scheduler:
    """All schedules of a stack."""

    def __init__(self, schedules: Sequence[Schedule], invoke: Invoke) -> None:
        """Raises `TemplateError` for an expression that cannot be understood."""
        self._schedules = schedules
        self._expressions: dict[str, Next] = {one.logical_id: parse(one.expression) for one in schedules}
        self._invoke = invoke
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)
        self._firing: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to fire; what was due before is not made up for."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Fire no more, and wait for what runs."""
        self._stopping.set()
        deadline = time.monotonic() + seconds
        for thread in [self._thread, *self._firing]:
            if thread.ident is not None:
                thread.join(max(0, deadline - time.monotonic()))

    def find(self, name: str) -> Schedule:
        """The schedule with that logical id, or with that name within its function."""
        found = [one for one in self._schedules if name in {one.logical_id, one.event}]
        if len(found) != 1:
            known = ", ".join(sorted(one.event for one in self._schedules))
            message = f"there is no schedule {name}; the template has {known}"
            raise TemplateError(message)
        return found[0]

    def fire(self, name: str, moment: datetime) -> Any:
        """Deliver the event of a schedule as due at `moment`; returns the function's result or raises its error."""
        schedule = self.find(name)
        return self._invoke(schedule.function, build_event(schedule, moment), 60)

    def _run(self) -> None:
        now = datetime.now(UTC)
        due = {one.logical_id: self._expressions[one.logical_id](now) for one in self._schedules if one.enabled}
        while not self._stopping.wait(_TICK_SECONDS):
            now = datetime.now(UTC)
            for schedule in self._schedules:
                moment = due.get(schedule.logical_id)
                if moment is None or moment > now:
                    continue
                due[schedule.logical_id] = self._expressions[schedule.logical_id](now)
                thread = threading.Thread(target=self._deliver, args=(schedule, moment), daemon=True)
                self._firing = [one for one in self._firing if one.is_alive()] + [thread]
                thread.start()

    def _deliver(self, schedule: Schedule, moment: datetime) -> None:
        for _ in range(min(schedule.retries, _RETRIES_MAX) + 1):
            try:
                self.fire(schedule.logical_id, moment)
            except (FunctionError, BusyError) as failed:
                _LOG.warning("schedule %s: %s", schedule.logical_id, failed)
            else:
                return
            if self._stopping.wait(_RETRY_PAUSE_SECONDS):
                return

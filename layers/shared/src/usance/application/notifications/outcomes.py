"""What becomes of a run: held until it is due, over, or given up since no attempt comes to an end."""

from datetime import datetime, timedelta
from math import ceil

from usance.application.notifications.lines import call_next, move
from usance.application.notifications.runs import changed, cut_offs, due_at, enqueue
from usance.application.notifications.stores import Stores
from usance.application.ports.queue import DELAY_MAX_SECONDS
from usance.domain.notifications.delivery import Next, RunStatus, given_up, is_cut_off
from usance.resources import instants
from usance.resources.wire import Document


def finished(run: Document, now: datetime, then: Next, error: str | None) -> Document:
    """The run after an attempt, or after it was found that none can be made."""
    completed = None if then.retry_at else instants.to_text(now)
    due = instants.to_text(then.retry_at) if then.retry_at else None
    return changed(run, now, status=then.status.value, error=error, dtCompleted=completed, delivery={"dueAt": due})


def hold_run(org_id: str, run: Document, wait: timedelta, stores: Stores, times_held: int = 0) -> None:
    """Queue the run again for when it is due, or for as long as the queue can hold it."""
    seconds = min(ceil(wait / timedelta(seconds=1)), DELAY_MAX_SECONDS)
    enqueue(org_id, run, stores, delay_seconds=max(seconds, 0), times_held=times_held)


def cut_offs_now(run: Document, now: datetime) -> int:
    """How many attempts were cut off, with the one that the run shows as started where its claim has ended."""
    return cut_offs(run) + is_cut_off(RunStatus(run["status"]), due_at(run), now)


def give_up(org_id: str, run: Document, cut: int, stores: Stores) -> Document:
    """The run, failed since `cut` attempts were cut off; its line goes on. It is still to be settled.

    A worker that was only slow loses: what it records later is of a version that is not there any more.
    """
    now, outcome = stores.clock.now(), given_up(cut)
    log = {
        "at": instants.to_text(now),
        "milliseconds": 0,
        "fault": outcome.fault.name if outcome.fault else None,
        "error": outcome.error,
    }
    attempts = [*run["delivery"]["attempts"], log]
    tried = {**run, "delivery": {**run["delivery"], "attempts": attempts, "cutOff": cut}}
    over = finished(tried, now, Next(RunStatus.ERROR), outcome.error)
    move(org_id, over, run["version"], stores.entities)
    call_next(org_id, over, stores)
    return over

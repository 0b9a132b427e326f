"""A message of a delivery that its queue gave up, since its worker never got it done: the run must not wait for ever."""

from usance.application.notifications.outcomes import cut_offs_now, give_up, hold_run
from usance.application.notifications.runs import RUN_TYPE, awaits_settling, due_at, enqueue
from usance.application.notifications.stores import Stores
from usance.application.ports.queue import DELAY_MAX_SECONDS
from usance.domain.kernel.errors import UnavailableError, VersionConflictError
from usance.domain.notifications.delivery import FINAL, LIFETIME, RunStatus
from usance.resources import instants
from usance.resources.wire import Document


def take_back_run(org_id: str, run_id: str, stores: Stores) -> str | None:
    """End a run whose attempts were cut off, and queue one that nobody has begun again; answers its status.

    A run that is three days old ends, too: what keeps its worker from it will not pass. Its own worker then settles it,
    for which the run gets a message; `UnavailableError` when it could not do that either in all this time.
    """
    run = stores.entities.get(org_id, RUN_TYPE, run_id)
    if run is None:
        return None
    now, due = stores.clock.now(), due_at(run)
    status, old = RunStatus(run["status"]), now - instants.from_text(run["dtCreated"]) > LIFETIME
    try:
        if status in FINAL:
            _have_settled(org_id, run, stores, last=old)
        elif due and now < due:  # the message of whoever made it due, or is at it, may be this one
            hold_run(org_id, run, due - now, stores)
        elif old or status is RunStatus.STARTED:
            run = give_up(org_id, run, cut_offs_now(run, now), stores)
            enqueue(org_id, run, stores)
        else:
            enqueue(org_id, run, stores, delay_seconds=DELAY_MAX_SECONDS)
    except VersionConflictError:
        return None  # a worker has taken it up after all
    return str(run["status"])


def _have_settled(org_id: str, run: Document, stores: Stores, *, last: bool) -> None:
    """Give a run that is over another message where its worker was cut off before it settled it."""
    if not awaits_settling(run):
        return
    if last:
        raise UnavailableError(f"nobody settles the run {run['id']}, which is over; look at its worker's log")
    enqueue(org_id, run, stores)

"""One attempt to deliver an integration run: claim it, send, record how it ended (platform.md 9.2, 10.3).

The queue may bring a message twice, late, or to two workers at once. The run's version lets one of them make an
attempt; its status and due time tell the others what is left to do. A worker that dies while it sends leaves a claim
that ends by itself, and the same attempt is made again with the same delivery id; after `CUT_OFFS_MAX` of these the run fails.
"""

from dataclasses import dataclass

from usance.application.notifications.couriers import Courier, Dispatch, UndeliverableError
from usance.application.notifications.lanes import free_lane, take_lane, take_line
from usance.application.notifications.leases import give_back, gives_back
from usance.application.notifications.lines import call_next, is_next, move
from usance.application.notifications.outcomes import cut_offs_now, finished, give_up, hold_run
from usance.application.notifications.runs import RUN_TYPE, changed, due_at, is_test, line_of
from usance.application.notifications.settle_run import settle_run
from usance.application.notifications.stores import Stores
from usance.application.notifications.tell_disabled import Notice
from usance.application.ports.queue import Queue
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.notifications.delivery import CUT_OFFS_MAX, FINAL, Next, RunStatus, after_attempt, after_test
from usance.domain.notifications.pacing import hold
from usance.resources import instants
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Deliverer:
    """What delivering needs. `dead_letters` takes what could not be delivered, `notice` tells people what was disabled."""

    stores: Stores
    courier: Courier
    dead_letters: Queue
    notice: Notice


def deliver_run(org_id: str, run_id: str, deliverer: Deliverer, times_held: int = 0) -> str | None:
    """Bring the run forward as far as can be now, and answer its status (None: it is not there, or another's now).

    On return the message is dealt with; after an error it must come again. `times_held` is what the message says.
    """
    stores = deliverer.stores
    run = stores.entities.get(org_id, RUN_TYPE, run_id)
    if run is None:
        return None
    now, due = stores.clock.now(), due_at(run)
    try:
        if RunStatus(run["status"]) in FINAL:
            settle_run(org_id, run, stores, deliverer.dead_letters, deliverer.notice)
        elif due and now < due:
            hold_run(org_id, run, due - now, stores)
        elif (cut := cut_offs_now(run, now)) >= CUT_OFFS_MAX:
            over = give_up(org_id, run, cut, stores)
            settle_run(org_id, over, stores, deliverer.dead_letters, deliverer.notice)
            return str(over["status"])
        else:
            return _proceed(org_id, run, deliverer, times_held)
    except VersionConflictError:
        return None  # another worker has this run, or has ended it, and a message of its own to finish it
    return str(run["status"])


def _proceed(org_id: str, run: Document, deliverer: Deliverer, times_held: int) -> str:
    """Make an attempt, if the run can be delivered at all and its destination has room for it."""
    stores = deliverer.stores
    try:
        dispatch = deliverer.courier.prepare(org_id, run)
    except UndeliverableError as reason:
        over = finished(run, stores.clock.now(), Next(RunStatus.DISABLED), str(reason))
        move(org_id, over, run["version"], stores.entities)
        call_next(org_id, over, stores)
        settle_run(org_id, over, stores, deliverer.dead_letters, deliverer.notice)
        return RunStatus.DISABLED
    status = _in_turn(org_id, run, dispatch, deliverer) if is_next(org_id, run, stores.entities) else None
    if status is None:
        hold_run(org_id, run, hold(times_held, run["id"]), stores, times_held + 1)
        return str(run["status"])
    return status


def _in_turn(org_id: str, run: Document, dispatch: Dispatch, deliverer: Deliverer) -> str | None:
    """Make an attempt while no other delivery of its line is being made; None while one is, or the destination is full."""
    stores, pace, line = deliverer.stores, deliverer.courier.pace, line_of(run)
    if line is None:
        return _in_a_lane(org_id, run, None, dispatch, deliverer)
    turn = take_line(org_id, line, pace, stores)
    if turn is None:
        return None
    try:
        status = _in_a_lane(org_id, run, turn, dispatch, deliverer)
    except BaseException:
        give_back(org_id, turn, stores.entities)
        raise
    if status is None:
        give_back(org_id, turn, stores.entities)
    return status


def _in_a_lane(
    org_id: str, run: Document, turn: Document | None, dispatch: Dispatch, deliverer: Deliverer
) -> str | None:
    """Make an attempt in a lane of the destination; None when there is none."""
    stores, pace = deliverer.stores, deliverer.courier.pace
    lane = take_lane(org_id, run["destinationId"], pace, stores)
    if lane is None:
        return None
    began = stores.clock.now()
    try:
        return _attempt(org_id, run, turn, dispatch, deliverer)
    finally:
        free_lane(org_id, lane, stores.clock.now() - began, pace, stores)


def _attempt(org_id: str, run: Document, turn: Document | None, dispatch: Dispatch, deliverer: Deliverer) -> str:
    """Claim the run, send, record how it ended and give back the turn in its line, before the next is called."""
    stores = deliverer.stores
    began = stores.clock.now()
    claimed = changed(
        run,
        began,
        status=RunStatus.STARTED.value,
        dtStarted=run.get("dtStarted") or instants.to_text(began),
        delivery={
            "dueAt": instants.to_text(began + deliverer.courier.pace.lease),
            "cutOff": cut_offs_now(run, began),
        },
    )
    move(org_id, claimed, run["version"], stores.entities)
    attempt = dispatch.send(began)

    now, outcome = stores.clock.now(), attempt.outcome
    attempts = [*claimed["delivery"]["attempts"], attempt.log]
    born = instants.from_text(run["dtCreated"])
    then = (
        after_test(outcome) if is_test(run) else after_attempt(len(attempts), outcome, now, run_id=run["id"], born=born)
    )
    tried = {**claimed, **attempt.fields, "delivery": {**claimed["delivery"], "attempts": attempts}}
    recorded = finished(tried, now, then, attempt.log["error"])
    move(org_id, recorded, claimed["version"], stores.entities, [gives_back(turn)] if turn else [])
    if then.retry_at:
        hold_run(org_id, run, then.retry_at - now, stores)
    else:
        call_next(org_id, recorded, stores)
        settle_run(org_id, recorded, stores, deliverer.dead_letters, deliverer.notice)
    return then.status

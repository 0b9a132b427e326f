"""Killed at any step and run again, everything ends as if nothing had happened."""

import pytest

from tests.unit.application.notifications.fuse import Fuse, Killed
from tests.unit.application.notifications.world import World
from usance.application.notifications import outcomes as module
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.record_change import record_change
from usance.domain.notifications.changes import Change
from usance.domain.notifications.delivery import Outcome

VISIBILITY_SECONDS = 360  # after this the queue brings back what was not finished
LONG_DELAY_SECONDS = 10**6  # the queue holds a message this long here, so that a day of waiting is few steps
GOOD, DOWN = (Outcome(status=200),), (Outcome(status=500),)
FLAKY = (Outcome(status=500), Outcome(status=200))
REJECTED = (Outcome(status=403),)


def prepared(outcomes: tuple[Outcome, ...]) -> tuple[World, Change]:
    world = World()
    world.sender.outcomes = outcomes
    world.rule()
    world.rule("watcher", event="integration.perform.error")
    for name, more in (("first", {}), ("second", {"ordered": True})):
        world.webhook(name, **more)
        world.link(webhook=name)
    world.clock.advance(seconds=1)
    return world, world.change(billTotal=70)


def stream(world: World, change: Change) -> None:
    """Bring the change until it is taken."""
    while True:
        try:
            record_change(change, world.stores())
        except Killed:
            continue
        return


def work(world: World) -> None:
    """Bring every message until it is taken, later each time."""
    for _ in range(200):
        taken = world.queue.take()
        if not taken:
            return
        for message, delay in taken:
            world.clock.advance(seconds=delay)
            try:
                deliver_run(message["orgId"], message["runId"], world.deliverer())
            except Killed:
                world.queue.send([message], delay_seconds=VISIBILITY_SECONDS)
    raise AssertionError("the queue never runs dry")


def ending(outcomes: tuple[Outcome, ...], killed_at: int | None) -> tuple[World, Fuse]:
    world, change = prepared(outcomes)
    world.fuse = Fuse(killed_at)
    stream(world, change)
    work(world)
    return world, world.fuse


def steps(outcomes: tuple[Outcome, ...]) -> range:
    """Every step at which a run over these outcomes can be killed."""
    return range(1, ending(outcomes, None)[1].steps + 1)


@pytest.fixture(autouse=True)
def _patient_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAY_MAX_SECONDS", LONG_DELAY_SECONDS)


@pytest.mark.parametrize(
    ("outcomes", "status", "errors"),
    [(GOOD, "COMPLETE", 0), (FLAKY, "COMPLETE", 0), (DOWN, "ERROR", 2), (REJECTED, "AUTH_FAILED", 2)],
    ids=["good", "flaky", "down", "rejected"],
)
def test_a_process_killed_at_any_step_loses_and_doubles_nothing(
    outcomes: tuple[Outcome, ...], status: str, errors: int
) -> None:
    undisturbed, _ = ending(outcomes, None)
    for step in steps(outcomes):
        world, _ = ending(outcomes, step)
        assert len(world.events.events("billing.bill.updated")) == 2, step  # the change, and the rule that fired
        assert {event.id for event in world.events.events()} == {event.id for event in undisturbed.events.events()}
        runs = world.runs()
        assert {run["id"] for run in runs} == {run["id"] for run in undisturbed.runs()}, step
        assert [run["status"] for run in runs] == [status, status], step
        assert len(undisturbed.sender.sent) <= len(world.sender.sent) <= len(undisturbed.sender.sent) + 1, step
        assert len({body for _, body, _ in world.sender.sent}) == 2, step
        dead = {letter["runId"] for letter in world.dead_letters.messages}
        assert len(dead) == errors, step


def test_every_record_brought_twice_makes_each_delivery_once() -> None:
    world, change = prepared(GOOD)
    for _ in range(2):
        stream(world, change)
    work(world)
    stream(world, change)
    work(world)
    assert len(world.sender.sent) == 2
    assert world.queue.messages == []


def test_every_message_brought_twice_makes_each_delivery_once() -> None:
    world, change = prepared(FLAKY)
    stream(world, change)
    world.queue.send(world.queue.messages)
    work(world)
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}
    assert len(world.sender.sent) == 3

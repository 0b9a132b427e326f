"""A run whose worker is ended at every attempt fails in the end, and its line goes on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.application.notifications.fuse import Killed
from tests.unit.application.notifications.world import World
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.record_change import record_change
from usance.application.notifications.runs import may_have_left_something
from usance.application.notifications.take_back_run import take_back_run
from usance.domain.kernel.errors import NotFoundError, UnavailableError
from usance.domain.notifications.delivery import Outcome
from usance.resources.wire import Document

VISIBILITY_SECONDS = 360


class Deadly:
    """Ends its worker while it sends, so many times."""

    def __init__(self, world: World, times: int) -> None:
        self.world, self.left = world, times

    def send(self, *request: object) -> Outcome:
        if self.left:
            self.left -= 1
            raise Killed
        return self.world.sender.send(*request)  # type: ignore[arg-type]

    def check(self, url: str) -> None:
        raise AssertionError


@pytest.fixture
def line(world: World) -> list[Document]:
    """Two runs of an ordered webhook, the older first."""
    world.rule()
    world.webhook(ordered=True)
    world.link()
    for version in (2, 3):
        record_change(world.change(version), world.stores())
        world.clock.advance(seconds=1)
    world.queue.take()
    return world.runs()[::-1]


def bring(world: World, run: Document, deadly: Deadly, times: int) -> None:
    """The message of a run, so many times: each is taken when the last worker is long dead."""
    for _ in range(times):
        try:
            deliver_run(world.org, run["id"], world.deliverer(sender=deadly))
        except Killed:
            world.clock.advance(seconds=VISIBILITY_SECONDS)


def test_three_attempts_that_are_cut_off_end_the_run_with_an_event_and_a_dead_letter(
    world: World, line: list[Document]
) -> None:
    deadly = Deadly(world, 9)
    bring(world, line[0], deadly, 4)
    assert deadly.left == 6
    _, run = world.runs()
    assert run["status"] == "ERROR"
    assert run["error"].startswith("no attempt came to an end: 3 were cut off")
    [event] = world.events.events("integration.perform.error")
    assert (event.resource_id, event.detail["message"]) == (run["id"], run["error"])
    [letter] = world.dead_letters.messages
    assert (letter["runId"], letter["status"]) == (run["id"], "ERROR")
    assert may_have_left_something(run)


def test_the_line_goes_on_behind_a_run_that_was_cut_off_for_good(world: World, line: list[Document]) -> None:
    bring(world, line[0], Deadly(world, 9), 4)
    assert world.queue.messages[-1]["runId"] == line[1]["id"]
    world.work()
    assert [run["status"] for run in world.runs()] == ["COMPLETE", "ERROR"]


def test_a_worker_that_is_cut_off_twice_may_still_deliver(world: World, line: list[Document]) -> None:
    bring(world, line[0], Deadly(world, 2), 3)
    assert world.runs()[1]["status"] == "COMPLETE"
    assert len(world.sender.sent) == 1
    assert world.dead_letters.messages == []


def test_what_is_cut_off_does_not_disable_the_integration(world: World) -> None:
    world.rule()
    world.webhook()
    world.link()
    for version in range(2, 14):
        record_change(world.change(version), world.stores())
        world.clock.advance(seconds=1)
    world.queue.take()
    for run in world.runs():
        bring(world, run, Deadly(world, 9), 4)
    assert {run["status"] for run in world.runs()} == {"ERROR"}
    assert world.events.events("integration.disabled.error") == []


def test_a_worker_that_is_only_slow_is_left_alone(world: World, line: list[Document]) -> None:
    bring(world, line[0], Deadly(world, 3), 3)
    world.clock.advance(seconds=-VISIBILITY_SECONDS)  # the third is still at it
    deliver_run(world.org, line[0]["id"], world.deliverer())
    assert take_back_run(world.org, line[0]["id"], world.stores()) == "STARTED"
    assert world.runs()[1]["status"] == "STARTED"
    assert {message["runId"] for message in world.queue.messages} == {line[0]["id"]}


def test_a_slow_worker_whose_run_was_given_up_changes_nothing_more(world: World, line: list[Document]) -> None:
    class Slow(Deadly):
        def send(self, *request: object) -> Outcome:
            world.clock.advance(seconds=VISIBILITY_SECONDS)
            take_back_run(world.org, line[0]["id"], world.stores())
            return Outcome(status=200)

    assert deliver_run(world.org, line[0]["id"], world.deliverer(sender=Slow(world, 0))) is None
    assert world.runs()[1]["status"] == "ERROR"


def test_a_message_that_the_queue_gave_up_ends_a_run_that_was_cut_off_and_its_own_worker_tells(
    world: World, line: list[Document]
) -> None:
    bring(world, line[0], Deadly(world, 1), 1)
    assert take_back_run(world.org, line[0]["id"], world.stores()) == "ERROR"
    world.work()
    assert [run["status"] for run in world.runs()] == ["COMPLETE", "ERROR"]
    assert len(world.events.events("integration.perform.error")) == len(world.dead_letters.messages) == 1


def test_a_message_that_was_given_up_before_anything_began_is_queued_again(world: World, line: list[Document]) -> None:
    assert take_back_run(world.org, line[0]["id"], world.stores()) == "WAITING"
    world.work()
    assert world.runs()[1]["status"] == "COMPLETE"


def test_a_run_that_nobody_could_take_up_for_three_days_fails(world: World, line: list[Document]) -> None:
    world.clock.advance(days=4)
    assert take_back_run(world.org, line[0]["id"], world.stores()) == "ERROR"
    assert world.runs()[1]["error"] == "no worker could take it up: its messages were given up for 3 days"


def test_a_failure_that_was_not_told_is_told_by_another_message_and_in_the_end_by_a_dead_letter(
    world: World, line: list[Document]
) -> None:
    bring(world, line[0], Deadly(world, 1), 1)
    for _ in range(2):
        take_back_run(world.org, line[0]["id"], world.stores())
    assert [message["runId"] for message in world.queue.messages].count(line[0]["id"]) == 2
    world.clock.advance(days=4)
    with pytest.raises(UnavailableError):
        take_back_run(world.org, line[0]["id"], world.stores())


def test_given_up_messages_of_what_is_over_or_gone_are_done(world: World, line: list[Document]) -> None:
    bring(world, line[0], Deadly(world, 0), 1)
    world.queue.take()
    assert take_back_run(world.org, line[0]["id"], world.stores()) == "COMPLETE"
    assert take_back_run(world.org, "nowhere", world.stores()) is None
    assert world.queue.sent == []


def test_a_run_that_another_worker_ends_while_it_is_taken_back_is_left_to_that_one(
    world: World, line: list[Document]
) -> None:
    class Ended:
        """Entities of which the run's place in line is gone when the run is to be stored."""

        def commit(self, org_id: str, changes: Sequence[Any]) -> None:
            raise NotFoundError(f"{org_id}: {changes}")

        def __getattr__(self, name: str) -> Any:
            return getattr(world.entities, name)

    bring(world, line[0], Deadly(world, 1), 1)
    ended = replace(world.stores(), entities=Ended())
    assert take_back_run(world.org, line[0]["id"], ended) is None

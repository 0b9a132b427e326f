"""Deliveries whose messages are gone are taken up again."""

import pytest

from tests.unit.application.notifications.world import World
from usance.application.access.credentials import ROOT
from usance.application.notifications import resume_deliveries as resuming
from usance.application.notifications.lines import joins
from usance.application.notifications.record_change import record_change
from usance.application.notifications.resume_deliveries import resume_deliveries
from usance.application.notifications.runs import waiting_run
from usance.application.ports.entities import Put
from usance.domain.kernel.errors import NotFoundError
from usance.domain.notifications.delivery import Outcome
from usance.resources.wire import Document


def resume(world: World, next_token: str | None = None, *, in_a_hurry: bool = False) -> Document:
    return resume_deliveries(world.stores(), world.org, next_token=next_token, time_is_up=lambda: in_a_hurry)


def made() -> World:
    world = World()
    world.entities.commit(ROOT, [Put("organization", {"id": world.org, "version": 1})])
    return world


@pytest.fixture(params=[False, True], ids=["unordered", "ordered"])
def stranded(request: pytest.FixtureRequest) -> World:
    """Two deliveries that arrived, and five whose messages are lost."""
    world = made()
    world.rule()
    world.webhook(ordered=request.param)
    world.link()
    for version in range(2, 9):
        record_change(world.change(version), world.stores())
        if version < 4:
            world.work()
        world.clock.advance(seconds=1)
    assert len(world.queue.take()) == 5
    return world


def test_what_is_not_over_is_delivered_once(stranded: World) -> None:
    assert resume(stranded)["next"] is None
    stranded.work()
    assert {run["status"] for run in stranded.runs()} == {"COMPLETE"}
    assert len(stranded.sender.sent) == 7
    assert resume(stranded) == {"resumed": 0, "next": None}


def test_what_has_a_message_already_is_not_delivered_twice(stranded: World) -> None:
    for _ in range(3):
        resume(stranded)
    stranded.work()
    assert len(stranded.sender.sent) == 7


def test_a_long_list_is_gone_through_in_parts(stranded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "PAGE", 2)
    token: str | None = None
    parts = 0
    while parts == 0 or token is not None:
        token = resume(stranded, token, in_a_hurry=True)["next"]
        parts += 1
    assert parts == 4
    stranded.work()
    assert {run["status"] for run in stranded.runs()} == {"COMPLETE"}


def test_a_delivery_to_an_external_system_goes_to_its_own_worker() -> None:
    world = made()
    run = waiting_run(
        "run", {"entityType": "Bill", "entityId": "b", "destination": "Xero"}, world.clock.now(), line="l"
    )
    world.entities.commit(world.org, joins({**run, "destinationId": ""}))
    assert resume(world)["resumed"] == 2
    assert world.queue.take() == []
    assert [sent["runId"] for sent, _ in world.integrations.take()] == ["run", "run"]


def test_a_delivery_whose_event_expired_holds_up_no_line() -> None:
    world = made()
    world.rule()
    world.webhook(ordered=True)
    world.link()
    record_change(world.change(2), world.stores())
    world.queue.take()
    world.clock.advance(days=29)
    record_change(world.change(3), world.stores())
    world.queue.take()
    resume(world)
    world.sender.outcomes = (Outcome(status=200),)
    world.work()
    assert [run["status"] for run in world.runs()] == ["COMPLETE", "DISABLED"]


def test_an_organization_that_is_not_there_is_named() -> None:
    world = World()
    with pytest.raises(NotFoundError, match=f"there is no organization {world.org}"):
        resume(world)

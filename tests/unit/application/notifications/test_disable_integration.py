"""An integration that keeps failing is switched off, and only then."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.application.notifications.fuse import Fuse, Killed
from tests.unit.application.notifications.world import World
from usance.application.notifications.configurations import put_configuration
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.disable_integration import disable_integration
from usance.application.notifications.record_change import record_change
from usance.application.notifications.stores import Stores
from usance.application.ports.entities import Put
from usance.domain.kernel.errors import UnavailableError
from usance.domain.notifications.delivery import Outcome
from usance.resources import instants
from usance.resources.wire import Document

DOWN = Outcome(status=500)


def configuration(world: World) -> Document:
    found = world.entities.get(world.org, "integrationConfiguration", "rule-webhook")
    assert found
    return found


def deliver(world: World, version: int, outcome: Outcome) -> None:
    """One change, delivered to its end."""
    world.sender.outcomes = (outcome,)
    record_change(world.change(version), world.stores())
    world.work()
    world.clock.advance(seconds=1)


def prepared(world: World) -> None:
    world.rule()
    world.webhook()
    world.link()
    world.clock.advance(seconds=1)


def test_the_tenth_failed_run_in_a_row_disables_the_integration(world: World) -> None:
    prepared(world)
    for version in range(2, 11):
        deliver(world, version, DOWN)
    assert configuration(world)["enabled"]
    deliver(world, 11, DOWN)
    after = configuration(world)
    assert (after["enabled"], after["version"], after["lastModifiedBy"]) == (False, 2, "SCHEDULER")
    [event] = world.events.events("integration.disabled.error")
    assert (event.type, event.resource_id, event.notification_id) == ("IntegrationEvent", "rule-webhook", "rule")
    deliver(world, 12, DOWN)
    assert len([run for run in world.runs() if run["entityType"] == "Notification"]) == 10


def test_a_success_starts_the_count_anew(world: World) -> None:
    prepared(world)
    for version in range(2, 21):
        deliver(world, version, Outcome(status=200) if version == 11 else DOWN)
    assert configuration(world)["enabled"]


def test_enabling_it_again_starts_the_count_anew(world: World) -> None:
    prepared(world)
    for version in range(2, 12):
        deliver(world, version, DOWN)
    now = instants.to_text(world.now)
    enabled = {**configuration(world), "enabled": True, "version": 3, "dtLastModified": now, "lastModifiedBy": "x"}
    world.entities.commit(world.org, [put_configuration(enabled, 2)])
    for version in range(12, 21):
        deliver(world, version, DOWN)
    assert configuration(world)["enabled"]
    deliver(world, 21, DOWN)
    assert not configuration(world)["enabled"]
    assert len(world.events.events("integration.disabled.error")) == 2


def brink(world: World) -> Document:
    """Nine failed runs, and the message of a tenth."""
    prepared(world)
    for version in range(2, 11):
        deliver(world, version, DOWN)
    record_change(world.change(11), world.stores())
    [(message, _)] = world.queue.take()
    world.sender.outcomes = (Outcome(status=403),)
    return message


def test_a_worker_killed_while_it_disables_leaves_one_event_in_the_end() -> None:
    whole = World()
    message = brink(whole)
    whole.fuse = Fuse()
    deliver_run(whole.org, message["runId"], whole.deliverer())
    for step in range(1, whole.fuse.steps + 1):
        world = World()
        message = brink(world)
        world.fuse = Fuse(step)
        with pytest.raises(Killed):
            deliver_run(world.org, message["runId"], world.deliverer())
        world.clock.advance(seconds=360)
        deliver_run(world.org, message["runId"], world.deliverer())
        assert not configuration(world)["enabled"], step
        assert len(world.events.events("integration.disabled.error")) == 1, step


def rivalled(world: World, rivals: int) -> Stores:
    """Stores in which someone else changes the configuration just before we do, so many times."""
    plain = world.stores()

    class Rivalled:
        left = rivals

        def commit(self, org_id: str, changes: list[Put]) -> None:
            if self.left:
                self.left -= 1
                current = configuration(world)
                world.entities.commit(
                    org_id, [put_configuration({**current, "version": current["version"] + 1}, current["version"])]
                )
            world.entities.commit(org_id, changes)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.entities, name)

    return replace(plain, entities=Rivalled())


def test_a_configuration_that_someone_edits_meanwhile_is_disabled_as_edited(world: World) -> None:
    message = brink(world)
    deliver_run(world.org, message["runId"], world.deliverer())
    current = {**configuration(world), "enabled": True, "version": 3, "name": "edited"}
    world.entities.commit(world.org, [put_configuration({**current, "dtLastModified": "2026-01-01"}, 2)])
    disable_integration(world.org, "rule-webhook", rivalled(world, 1))
    assert (configuration(world)["enabled"], configuration(world)["name"]) == (False, "edited")
    assert configuration(world)["version"] == 5


def test_a_configuration_that_keeps_changing_is_left_for_the_next_attempt(world: World) -> None:
    message = brink(world)
    deliver_run(world.org, message["runId"], world.deliverer())
    current = {**configuration(world), "enabled": True, "version": 3, "dtLastModified": "2026-01-01"}
    world.entities.commit(world.org, [put_configuration(current, 2)])
    with pytest.raises(UnavailableError):
        disable_integration(world.org, "rule-webhook", rivalled(world, 3))


def test_a_configuration_that_is_gone_or_disabled_by_someone_is_left_alone(world: World) -> None:
    prepared(world)
    disable_integration(world.org, "nowhere", world.stores())
    off = {**configuration(world), "enabled": False, "version": 2}
    world.entities.commit(world.org, [put_configuration(off, 1)])
    disable_integration(world.org, "rule-webhook", world.stores())
    assert world.events.events("integration.disabled.error") == []

"""An integration that keeps failing is switched off, and only then."""

from tests.unit.application.notifications.world import World
from usance.application.notifications.configurations import put_configuration
from usance.application.notifications.record_change import record_change
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
    assert len(world.runs()) == 10


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

"""From a change to its event and deliveries."""

import pytest

from tests.unit.application.notifications.world import World
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.record_change import record_change
from usance.application.ports.events import Event
from usance.domain.kernel.ids import derived_id


def test_a_change_becomes_one_event_with_both_sides(world: World) -> None:
    change = world.change(billTotal=70)
    record_change(change, world.stores())
    record_change(change, world.stores())
    [event] = world.events.events()
    assert event.name == "billing.bill.updated"
    assert (event.resource_id, event.account_id, event.type) == ("bill", "account", None)
    data = event.detail["eventData"]
    assert (data["oldDto"]["billTotal"], data["newDto"]["billTotal"], data["newDto"]["orgId"]) == (50, 70, world.org)


def test_what_makes_no_events_is_passed_over(world: World) -> None:
    record_change(world.change(type_="webhook"), world.stores())
    assert world.events.events() == []


def test_a_firing_rule_is_an_event_of_its_own(world: World) -> None:
    world.rule()
    record_change(world.change(), world.stores())
    firing = next(event for event in world.events.events() if event.type == "Notification")
    assert firing.name == "billing.bill.updated"
    assert (firing.notification_id, firing.notification_code) == ("rule", "rule_code")
    assert (firing.resource_id, firing.account_id) == ("bill", "account")
    assert firing.detail["eventData"]["newDto"]["id"] == "bill"
    assert world.queue.messages == []


def test_a_rule_over_another_event_or_whose_calculation_is_false_does_not_fire(world: World) -> None:
    world.rule("other", event="billing.bill.created")
    world.rule("false", alwaysFireEvent=False, calculation="new.billTotal > 1000")
    world.rule("asleep", active=False)
    record_change(world.change(billTotal=70), world.stores())
    assert [event.type for event in world.events.events()] == [None]


def test_a_firing_rule_queues_one_delivery_for_each_linked_webhook(world: World) -> None:
    world.rule(alwaysFireEvent=False, calculation="new.billTotal > old.billTotal")
    for name in ("first", "second"):
        world.webhook(name)
        world.link(webhook=name)
    record_change(world.change(billTotal=70), world.stores())
    assert {run["destinationId"] for run in world.runs()} == {"first", "second"}
    assert {run["status"] for run in world.runs()} == {"WAITING"}
    assert {message["runId"] for message in world.queue.messages} == {run["id"] for run in world.runs()}
    assert all(message["orgId"] == world.org for message in world.queue.messages)


@pytest.mark.parametrize(
    ("webhook", "link"),
    [({"active": False}, {}), ({}, {"enabled": False}), ({}, {"destination": "Stripe"}), ({}, {"entityType": "Bill"})],
)
def test_what_is_switched_off_or_leads_elsewhere_gets_no_delivery(
    world: World, webhook: dict[str, object], link: dict[str, object]
) -> None:
    world.rule()
    world.webhook(**webhook)
    world.link(**link)
    record_change(world.change(), world.stores())
    assert world.runs() == []


def test_a_link_to_a_webhook_that_is_gone_gets_no_delivery(world: World) -> None:
    world.rule()
    world.link()
    record_change(world.change(), world.stores())
    assert world.runs() == []


def test_either_spelling_of_a_link_is_understood(world: World) -> None:
    world.rule()
    world.webhook()
    world.link(destination="WEBHOOK", entityType="notification")
    record_change(world.change(), world.stores())
    assert len(world.runs()) == 1


def test_each_version_makes_a_run_of_its_own(world: World) -> None:
    world.rule()
    world.webhook()
    world.link()
    for version in (2, 3):
        record_change(world.change(version), world.stores())
        world.clock.advance(seconds=1)
    assert len({run["id"] for run in world.runs()}) == 2


def test_runs_are_listed_by_the_time_of_what_caused_them(world: World) -> None:
    world.rule()
    world.webhook()
    world.link()
    expected = []
    for version in range(2, 12):
        record_change(world.change(version), world.stores())
        expected.append(world.queue.messages[-1]["runId"])
        world.clock.advance(seconds=1)
    assert [run["id"] for run in world.runs()] == expected[::-1]


def test_a_rule_over_failures_does_not_fire_on_the_failure_of_its_own_delivery(world: World) -> None:
    world.rule("watcher", event="integration.perform.error")
    name = "integration.perform.error"
    for notification in ("rule", "watcher"):
        event = Event(derived_id(notification), world.org, name, world.now, {}, notification_id=notification)
        publish_event(event, world.stores())
    fired = [event for event in world.events.events() if event.type == "Notification"]
    assert [event.detail["eventId"] for event in fired] == [derived_id("rule")]

"""A webhook that was switched off by itself is tried later and later, and switched on again by the first that arrives."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.application.notifications.fuse import Fuse, Killed
from tests.unit.application.notifications.world import World
from usance.application.notifications import outcomes
from usance.application.notifications.configurations import put_configuration
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.lines import joins
from usance.application.notifications.record_change import record_change
from usance.application.notifications.runs import RUN_TYPE, links_of_test, waiting_run
from usance.application.notifications.take_back_run import take_back_run
from usance.application.notifications.trials import begin_trials
from usance.application.notifications.webhook_courier import WebhookCourier
from usance.application.ports.entities import Put
from usance.domain.notifications.delivery import FINAL, Outcome
from usance.domain.notifications.trials import wait_before
from usance.resources import instants
from usance.resources.wire import Document

UP, DOWN = Outcome(status=200), Outcome(status=500)


@pytest.fixture(autouse=True)
def _patient_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "DELAY_MAX_SECONDS", 10**6)  # a day of waiting is one message here


def configuration(world: World) -> Document:
    found = world.entities.get(world.org, "integrationConfiguration", "rule-webhook")
    assert found
    return found


@pytest.fixture
def disabled(world: World) -> World:
    """A world whose webhook rejected ten deliveries, and whose integration is disabled therefore."""
    return disabled_world(world)


def disabled_world(world: World) -> World:
    world.rule()
    world.rule("watcher", event="integration.enabled")
    world.webhook()
    world.link()
    reject_ten(world, 2)
    world.sender.sent.clear()
    return world


def reject_ten(world: World, first: int) -> None:
    """Ten deliveries that the webhook rejects."""
    world.sender.outcomes = (Outcome(status=403),)
    for version in range(first, first + 10):
        world.clock.advance(seconds=1)
        record_change(world.change(version), world.stores())
    world.work()
    assert not configuration(world)["enabled"]


def try_once(world: World, outcome: Outcome) -> None:
    """Bring the message of the trial that waits, when it is due."""
    world.sender.outcomes = (outcome,)
    world.work()
    [(message, delay)] = world.trials
    world.trials.clear()
    world.clock.advance(seconds=delay)
    deliver_run(message["orgId"], message["runId"], world.deliverer())
    world.work()


def edit(world: World, **more: Any) -> None:
    """What somebody does to the configuration."""
    before = configuration(world)
    now = instants.to_text(world.now)
    after = {**before, "version": before["version"] + 1, "dtLastModified": now, "lastModifiedBy": "USER_x", **more}
    world.entities.commit(world.org, [put_configuration(after, before["version"])])


def test_the_first_trial_that_arrives_enables_the_integration_and_says_so(disabled: World) -> None:
    began = disabled.now
    try_once(disabled, UP)
    assert disabled.now - began == timedelta(hours=1)
    after = configuration(disabled)
    assert (after["enabled"], after["version"], after["lastModifiedBy"]) == (True, 3, "SCHEDULER")
    [event] = [one for one in disabled.events.events("integration.enabled") if one.type == "IntegrationEvent"]
    assert (event.resource_id, event.notification_id) == ("rule-webhook", "rule")
    [(_, body, headers)] = disabled.sender.sent
    assert b'"webhook.test"' in body
    assert "X-M3ter-Signature" in headers
    [run] = [run for run in disabled.runs() if run["entityType"] == "Webhook"]
    assert (run["status"], run["destinationId"]) == ("COMPLETE", "webhook")
    assert disabled.trials == []
    record_change(disabled.change(20), disabled.stores())
    disabled.work()
    assert len(disabled.sender.sent) == 2


def test_trials_come_later_each_time_and_once_a_day_in_the_end(disabled: World) -> None:
    times: list[datetime] = [disabled.now]
    for _ in range(7):
        try_once(disabled, DOWN)
        times.append(disabled.now)
    hours = [(after - before) // timedelta(hours=1) for before, after in pairwise(times)]
    assert hours == [1, 2, 4, 8, 16, 24, 24]
    assert not configuration(disabled)["enabled"]
    assert len(disabled.events.events("integration.disabled.error")) == 1
    assert wait_before(10_000) == timedelta(days=1)


def test_after_28_days_nobody_tries_any_more(disabled: World) -> None:
    tries = 0
    while disabled.trials or disabled.queue.sent:
        try_once(disabled, DOWN)
        tries += 1
    assert 28 < tries < 36


def test_what_somebody_disabled_is_left_alone(world: World) -> None:
    world.rule()
    world.webhook()
    world.link()
    edit(world, enabled=False)
    for version in range(2, 14):
        record_change(world.change(version), world.stores())
    world.work()
    assert world.trials == []


@pytest.mark.parametrize("enabled", [True, False])
def test_whoever_changes_the_configuration_ends_the_trials(disabled: World, *, enabled: bool) -> None:
    edit(disabled, enabled=enabled)
    try_once(disabled, UP)
    assert disabled.sender.sent == []
    assert (configuration(disabled)["enabled"], configuration(disabled)["version"]) == (enabled, 3)
    assert disabled.trials == []


def test_somebody_who_disables_it_while_the_trial_is_sent_wins(disabled: World) -> None:
    class Meanwhile:
        def send(self, *_: object) -> Outcome:
            edit(disabled, enabled=False)
            return UP

        def check(self, url: str) -> None:
            raise AssertionError(url)

    [(message, delay)] = disabled.trials
    disabled.clock.advance(seconds=delay)
    deliver_run(message["orgId"], message["runId"], disabled.deliverer(sender=Meanwhile()))
    assert not configuration(disabled)["enabled"]
    assert disabled.events.events("integration.enabled") == []


def test_a_webhook_that_somebody_deactivated_is_not_tried_until_it_is_active(disabled: World) -> None:
    webhook = disabled.entities.get(disabled.org, "webhook", "webhook") or {}
    disabled.entities.commit(disabled.org, [Put("webhook", {**webhook, "version": 2, "active": False}, 1)])
    try_once(disabled, UP)
    assert disabled.sender.sent == []
    disabled.entities.commit(disabled.org, [Put("webhook", {**webhook, "version": 3, "active": True}, 2)])
    try_once(disabled, UP)
    assert configuration(disabled)["enabled"]


def test_an_integration_that_fails_again_is_disabled_and_tried_again(disabled: World) -> None:
    try_once(disabled, UP)
    reject_ten(disabled, 20)
    try_once(disabled, UP)
    assert configuration(disabled)["enabled"]


@pytest.mark.parametrize("outcome", [UP, DOWN])
def test_a_worker_killed_anywhere_in_a_trial_leaves_what_an_undisturbed_one_does(outcome: Outcome) -> None:
    def tried(killed_at: int | None) -> World:
        world = disabled_world(World())
        [(message, delay)] = world.trials
        world.trials.clear()
        world.clock.advance(seconds=delay)
        world.sender.outcomes = (outcome,)
        world.fuse = Fuse(killed_at)
        try:
            deliver_run(message["orgId"], message["runId"], world.deliverer())
        except Killed:
            world.clock.advance(seconds=360)
            deliver_run(message["orgId"], message["runId"], world.deliverer())
        return world

    whole = tried(None)
    for step in range(1, whole.fuse.steps + 1):
        world = tried(step)
        assert configuration(world)["enabled"] == (outcome is UP), step
        assert {event.id for event in world.events.events()} == {event.id for event in whole.events.events()}, step
        assert {run["id"] for run in world.runs()} == {run["id"] for run in whole.runs()}, step
        assert {message["runId"] for message in world.queue.messages} == {
            message["runId"] for message in whole.queue.messages
        }, step


def unsettled_trial(outcome: Outcome) -> tuple[World, Document]:
    """A world whose trial is over, and whose worker was killed before it did anything else."""
    for step in range(1, 100):
        world = disabled_world(World())
        [(message, delay)] = world.trials
        world.trials.clear()
        world.clock.advance(seconds=delay)
        world.sender.outcomes = (outcome,)
        world.fuse = Fuse(step)
        with contextlib.suppress(Killed):
            deliver_run(message["orgId"], message["runId"], world.deliverer())
        world.fuse = Fuse()
        run = world.entities.get(world.org, RUN_TYPE, message["runId"])
        assert run
        if run["status"] in FINAL:
            assert not run["delivery"]["settled"]
            return world, run
    raise AssertionError("the trial never ends")


@pytest.mark.parametrize("outcome", [UP, DOWN])
def test_a_trial_that_nobody_settled_is_settled_when_the_queue_gives_its_message_up(outcome: Outcome) -> None:
    world, run = unsettled_trial(outcome)
    world.queue.take()
    assert take_back_run(world.org, run["id"], world.stores()) == run["status"]
    [message] = world.queue.messages
    world.queue.take()
    deliver_run(message["orgId"], message["runId"], world.deliverer())
    world.work()
    assert configuration(world)["enabled"] == (outcome is UP)
    assert len(world.trials) == (outcome is DOWN)


def test_a_test_send_that_failed_is_settled(world: World) -> None:
    world.webhook()
    run = waiting_run("01900000-0000-8000-8000-000000000001", links_of_test("webhook"), world.now, test=True)
    world.entities.commit(world.org, joins(run))
    world.sender.outcomes = (DOWN,)
    deliver_run(world.org, run["id"], world.deliverer())
    world.clock.advance(days=4)
    assert take_back_run(world.org, run["id"], world.stores()) == "ERROR"
    assert world.queue.messages == []


def test_somebody_who_changes_it_while_it_is_enabled_wins(disabled: World) -> None:
    """Between the look at the configuration and the write."""

    class Overtaken:
        def commit(self, org_id: str, changes: Sequence[Any]) -> None:
            if any(change.type == "integrationConfiguration" for change in changes):
                edit(disabled, enabled=False)
            disabled.entities.commit(org_id, changes)

        def __getattr__(self, name: str) -> Any:
            return getattr(disabled.entities, name)

    [(message, delay)] = disabled.trials
    disabled.clock.advance(seconds=delay)
    disabled.sender.outcomes = (UP,)
    stores = replace(disabled.stores(), entities=Overtaken())
    deliverer = disabled.deliverer_by(stores, WebhookCourier(stores, disabled.sender, disabled.secrets))
    assert deliver_run(message["orgId"], message["runId"], deliverer) == "COMPLETE"
    assert not configuration(disabled)["enabled"]
    assert disabled.events.events("integration.enabled") == []


def test_an_external_system_that_was_disabled_is_not_sent_tests(world: World) -> None:
    begin_trials(world.org, world.link(destination="Stripe"), world.stores())
    assert world.runs() == []

"""The notifications and webhooks functions, from their event files."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.secrets import FakeSecrets
from tests.unit.application.notifications.world import World
from usance.application.ports.events import Event
from usance.domain.kernel.ids import derived_id
from usance.entrypoints.queue import webhooks
from usance.entrypoints.stream import notifications
from usance.resources import wire

ORG = "0190a5d0-ac96-774b-bcce-b302099a8057"


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(f"events/{name}.json").read_text())
    return loaded


class Context:
    """What Lambda hands over beside the event."""

    function_name = "webhooks"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:webhooks"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def world() -> World:
    return World()


def names(world: World) -> list[str]:
    return [event.name for event in world.events.events()]


def test_the_changes_of_a_batch_become_events_in_their_order(world: World) -> None:
    handle = notifications.handler(world.stores)
    assert handle(event("notifications_changes"), Context()) == {"batchItemFailures": []}
    assert names(world) == [f"configuration.product.{kind}" for kind in ("created", "updated", "deleted")]
    created, updated, deleted = world.events.events()
    assert created.detail["eventData"]["newDto"]["name"] == "LLM API"
    assert set(updated.detail["eventData"]) == {"newDto", "oldDto"}
    assert set(deleted.detail["eventData"]) == {"oldDto"}
    assert [found.time for found in (created, updated, deleted)] == sorted(f.time for f in (created, updated, deleted))


def test_a_batch_brought_again_records_nothing_again(world: World) -> None:
    handle = notifications.handler(world.stores)
    for _ in range(2):
        handle(event("notifications_changes"), Context())
    assert len(names(world)) == 3


def test_rows_that_are_no_entities_and_claims_are_passed_over(world: World) -> None:
    batch = event("notifications_changes")
    marker, claim, _ = batch["Records"]
    del marker["dynamodb"]["NewImage"]["body"]
    claim["dynamodb"]["NewImage"]["body"] = claim["dynamodb"]["OldImage"]["body"]
    claim["dynamodb"]["NewImage"]["deleting"] = {"N": "1768478400"}
    batch["Records"] = [marker, claim]
    assert notifications.handler(world.stores)(batch, Context()) == {"batchItemFailures": []}
    assert names(world) == []


def test_after_a_record_that_fails_the_ones_behind_it_wait(world: World) -> None:
    batch = event("notifications_changes")
    batch["Records"][1]["dynamodb"]["NewImage"]["body"]["S"] = "{"
    answer = notifications.handler(world.stores)(batch, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "100000000000000000002"}]}
    assert names(world) == ["configuration.product.created"]


def test_a_change_reaches_its_webhook(world: World) -> None:
    world.rule(event="configuration.product.updated", alwaysFireEvent=False, calculation="new.name != old.name")
    world.webhook()
    world.link()
    notifications.handler(world.stores)(event("notifications_changes"), Context())
    [message] = world.queue.messages
    batch = event("webhooks_delivery")
    batch["Records"][0]["body"] = json.dumps(message)
    assert webhooks.handler(world.deliverer)(batch, Context()) == {"batchItemFailures": []}
    [(_, body, _)] = world.sender.sent
    assert wire.loads(body)["m3terEvent"]["eventData"]["newDto"]["name"] == "LLM API, v2"


def test_rules_fire_on_an_event_that_another_function_recorded(world: World) -> None:
    name = "ingest.validation.failure"
    world.rule(event=name)
    world.webhook()
    world.link()
    failure = Event(derived_id("failure"), ORG, name, world.now, {"type": "MissingField"}, "IngestValidationFailure")
    world.events.append(failure)
    for _ in range(2):
        answer = notifications.handler(world.stores)(event("notifications_recorded_event"), Context())
        assert answer == {"batchItemFailures": []}
    [run] = world.runs()
    assert {message["runId"] for message in world.queue.messages} == {run["id"]}
    world.work()
    [(_, body, _)] = world.sender.sent
    assert wire.loads(body)["m3terEvent"] == {"type": "MissingField"}


def test_rules_do_not_fire_on_one_another(world: World) -> None:
    name = "ingest.validation.failure"
    for rule in ("one", "two"):
        world.rule(rule, event=name)
    world.events.append(Event(derived_id("failure"), ORG, name, world.now, {}, "IngestValidationFailure"))
    batch = event("notifications_recorded_event")
    notifications.handler(world.stores)(batch, Context())
    [fired, *others] = [found for found in world.events.events(name) if found.type == "Notification"]
    assert len(others) == 1
    batch["Records"][0]["dynamodb"]["NewImage"]["id"]["S"] = fired.id
    notifications.handler(world.stores)(batch, Context())
    assert len(world.events.events(name)) == 3


def test_a_message_that_cannot_be_finished_comes_again(world: World) -> None:
    class Broken(FakeSecrets):
        def open(self, sealed: str, *, context: str) -> str:
            raise TimeoutError

    test_a_change_reaches_its_webhook(world)
    world.secrets = Broken()
    world.clock.advance(seconds=5)
    batch = event("notifications_changes")
    batch["Records"] = batch["Records"][1:2]
    image = batch["Records"][0]["dynamodb"]["NewImage"]
    image["body"]["S"] = image["body"]["S"].replace('"version":2', '"version":3').replace("v2", "v3")
    notifications.handler(world.stores)(batch, Context())
    delivery = event("webhooks_delivery")
    delivery["Records"][0]["body"] = json.dumps(world.queue.messages[-1])
    answer = webhooks.handler(world.deliverer)(delivery, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": delivery["Records"][0]["messageId"]}]}


def test_a_message_about_a_run_that_is_gone_is_done(world: World) -> None:
    assert webhooks.handler(world.deliverer)(event("webhooks_delivery"), Context()) == {"batchItemFailures": []}


def test_what_is_put_back_from_a_backup_happened_before(world: World) -> None:
    handle = notifications.handler(world.stores)
    batch = event("notifications_changes")
    created, updated, _ = batch["Records"]
    for record in (created, updated):
        record["dynamodb"]["NewImage"]["restored"] = {"BOOL": True}
    batch["Records"] = [created]
    handle(batch, Context())
    assert names(world) == []
    batch["Records"] = [updated]  # what happens to it afterwards does
    handle(batch, Context())
    assert names(world) == ["configuration.product.updated"]


def test_an_event_that_is_put_back_fires_no_rule(world: World) -> None:
    world.rule(event="ingest.validation.failure")
    world.webhook()
    world.link()
    name = "ingest.validation.failure"
    world.events.append(Event(derived_id("failure"), ORG, name, world.now, {}, "IngestValidationFailure"))
    batch = event("notifications_recorded_event")
    batch["Records"][0]["dynamodb"]["NewImage"]["restored"] = {"BOOL": True}
    assert notifications.handler(world.stores)(batch, Context()) == {"batchItemFailures": []}
    assert world.runs() == []

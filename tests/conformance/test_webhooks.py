"""From a change to a verified webhook, through the official SDK and the running stack."""

import json
import queue
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from m3ter import M3ter

from usance.domain.notifications.signature import verify

SECRET, WAIT_SECONDS = "a long random text", 30
Delivery = tuple[dict[str, str], bytes]


def linked(client: M3ter, receiver: Any, code: str, *, answer: int, **rule: Any) -> tuple[Any, Any, Any]:
    """A rule, a webhook whose receiver answers `answer`, and the link between them."""
    made = client.notification_configurations.create(name=code, code=code, description=code, **rule)
    webhook = client.webhooks.create(
        name=code,
        description=code,
        url=f"http://127.0.0.1:{receiver.server_port}/{answer}",
        credentials={"type": "M3TER_SIGNED_REQUEST", "api_key": "finance", "secret": SECRET},
    )
    link = client.integration_configurations.create(
        name=code,
        entity_type="Notification",
        entity_id=made.id,
        destination="Webhook",
        destination_id=webhook.id,
        config_data={},
    )
    return made, webhook, link


def eventually(ask: Callable[[], Any]) -> Any:
    """What `ask` gives as soon as it gives something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_a_rule_that_fires_calls_its_webhook_signed(client: M3ter, receiver: Any) -> None:
    rule, webhook, _ = linked(
        client,
        receiver,
        "renamed",
        answer=200,
        event_name="configuration.product.updated",
        active=True,
        always_fire_event=False,
        calculation='new.name != old.name AND new.code == "watched"',
    )
    product = client.products.create(name="Before", code="watched")
    client.products.update(product.id, name="Before", code="watched", version=1)
    client.products.update(product.id, name="After", code="watched", version=2)

    headers, body = receiver.deliveries.get(timeout=WAIT_SECONDS)
    stamp, signature = headers["x-m3ter-timestamp"], headers["x-m3ter-signature"]
    assert verify(SECRET, stamp, signature, body, now=datetime.now(UTC))
    assert headers["x-m3ter-api-key"] == "finance"
    sent = json.loads(body)
    assert sent["notification"] == {"id": rule.id, "code": "renamed", "name": "renamed", "description": "renamed"}
    assert (sent["eventName"], sent["eventId"]) == ("configuration.product.updated", headers["x-m3ter-event-id"])
    data = sent["m3terEvent"]["eventData"]
    assert (data["oldDto"]["name"], data["newDto"]["name"], data["newDto"]["version"]) == ("Before", "After", 3)

    run = eventually(lambda: _run(client, sent["id"], "COMPLETE"))
    assert run["destinationId"] == webhook.id
    with pytest.raises(queue.Empty):
        receiver.deliveries.get(timeout=1)


def test_each_change_is_one_event_and_is_found_by_every_filter(client: M3ter) -> None:
    asked: Any = {"code": "evented", "email_address": "a@example.com"}
    account = client.accounts.create(name="Account", **asked)  # no rule of this organization watches accounts
    client.accounts.update(account.id, name="Account 2", version=1, **asked)
    client.accounts.delete(account.id)
    expected = [f"configuration.account.{kind}" for kind in ("deleted", "updated", "created")]
    eventually(lambda: len(list(client.events.list(resource_id=account.id))) == 3)
    found = list(client.events.list(resource_id=account.id, page_size=1))
    assert [event.event_name for event in found] == expected
    one = client.events.list(resource_id=account.id, event_name="configuration.account.updated").data[0]
    data: Any = client.events.retrieve(one.id).m3ter_event
    assert data["eventData"]["newDto"]["name"] == "Account 2"
    assert one.id in {event.id for event in client.events.list(event_name="configuration.account.updated")}
    assert [event.id for event in client.events.list(ids=[one.id])] == [one.id]


def test_types_and_fields_are_answered(client: M3ter) -> None:
    assert len(client.events.get_types().events or []) >= 106
    fields = client.events.get_fields(event_name="configuration.commitment.updated").events
    assert fields
    assert {"new.amountSpent", "old.amountSpent"} <= set(fields["configuration.commitment.updated"])


def test_a_rejected_delivery_is_an_event_that_names_its_run(client: M3ter, receiver: Any) -> None:
    rule, _, _ = linked(
        client, receiver, "rejected", answer=401, event_name="configuration.product.deleted", always_fire_event=True
    )
    product = client.products.create(name="Gone", code="gone")
    client.products.delete(product.id)
    [failure] = eventually(lambda: list(client.events.list(notification_id=rule.id, event_type="IntegrationEvent")))
    assert failure.event_name == "integration.authentication.error"
    detail: Any = failure.m3ter_event
    assert eventually(lambda: _run(client, detail["integrationRunId"], "AUTH_FAILED"))["error"]
    [fired] = client.events.list(notification_code="rejected", event_type="Notification")
    assert fired.event_name == "configuration.product.deleted"


def test_a_rule_over_what_could_not_be_ingested_calls_its_webhook(client: M3ter, receiver: Any) -> None:
    linked(client, receiver, "failures", answer=200, event_name="ingest.validation.failure", always_fire_event=True)
    measurement: Any = {"uid": "1", "meter": "no_such_meter", "account": "acme", "ts": datetime.now(UTC), "measure": {}}
    client.usage.submit(measurements=[measurement])
    _, body = receiver.deliveries.get(timeout=WAIT_SECONDS)
    assert json.loads(body)["eventName"] == "ingest.validation.failure"


def test_a_test_send_tells_how_it_went_and_a_rejected_delivery_is_made_again(client: M3ter, receiver: Any) -> None:
    rule, webhook, _ = linked(
        client, receiver, "again", answer=403, event_name="configuration.counter.deleted", always_fire_event=True
    )
    destination = f"/organizations/{client.org_id}/integrationdestinations/webhooks/{webhook.id}"
    tried: Any = client.post(f"{destination}/test", cast_to=object)
    assert eventually(lambda: _run(client, tried["id"], "AUTH_FAILED"))["entityType"] == "Webhook"
    assert json.loads(receiver.deliveries.get(timeout=WAIT_SECONDS)[1])["eventName"] == "webhook.test"

    counter = client.counters.create(name="Gone", code="gone", unit="seats")
    client.counters.delete(counter.id)
    _, body = receiver.deliveries.get(timeout=WAIT_SECONDS)
    failed = json.loads(body)["id"]
    assert eventually(lambda: _run(client, failed, "AUTH_FAILED"))
    credentials: Any = {"type": "M3TER_SIGNED_REQUEST", "api_key": "k", "secret": "new", "previousSecret": SECRET}
    client.webhooks.update(
        webhook.id,
        name="again",
        description="again",
        url=f"http://127.0.0.1:{receiver.server_port}/200",
        credentials=credentials,
        version=1,
    )
    times = {"startDate": "2020-01-01T00:00:00Z", "endDate": datetime.now(UTC).isoformat()}
    made: Any = client.post(f"{destination}/replay", cast_to=object, body=times)
    [repeat] = made["data"]
    assert (repeat["replayedFromIntegrationRunId"], repeat["entityId"]) == (failed, rule.id)
    headers, again = receiver.deliveries.get(timeout=WAIT_SECONDS)
    assert (again, headers["x-m3ter-delivery-id"]) == (body, failed)
    stamp, signature = headers["x-m3ter-timestamp"], headers["x-m3ter-signature"]
    assert all(verify(secret, stamp, signature, again, now=datetime.now(UTC)) for secret in ("new", SECRET))
    assert eventually(lambda: _run(client, repeat["id"], "COMPLETE"))


def test_no_event_tells_a_secret(client: M3ter) -> None:
    for event in client.events.list():
        assert SECRET not in json.dumps(event.to_dict(mode="json"))


def _run(client: M3ter, run_id: str, status: str) -> dict[str, Any] | None:
    """The run, once it has this status. The SDK has no method for it."""
    answer: Any = client.get(f"/organizations/{client.org_id}/integrationruns/{run_id}", cast_to=object)
    return answer if answer.get("status") == status else None

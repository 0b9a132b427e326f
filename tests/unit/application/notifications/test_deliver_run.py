"""A delivery is signed, tried again, and gives up loudly."""

from datetime import timedelta

import pytest

from tests.unit.application.notifications.world import World
from usance.application.notifications.deliver_run import deliver_run
from usance.application.notifications.record_change import record_change
from usance.application.ports.entities import Put
from usance.domain.notifications.delivery import Fault, Outcome
from usance.domain.notifications.signature import verify
from usance.resources import wire
from usance.resources.wire import Document

DOWN = Outcome(status=500)


@pytest.fixture
def run(world: World) -> Document:
    """A waiting run."""
    world.rule()
    world.webhook()
    world.link()
    record_change(world.change(billTotal=70), world.stores())
    [run] = world.runs()
    return run


def test_a_delivery_says_what_happened_and_is_signed(world: World, run: Document) -> None:
    world.work()
    [(url, body, headers)] = world.sender.sent
    assert url == "https://example.com/hook"
    sent = wire.loads(body)
    event = next(event for event in world.events.events() if event.type is None)
    assert sent["id"] == run["id"] == headers["X-M3ter-Delivery-Id"]
    assert (sent["orgId"], sent["eventId"], sent["eventName"]) == (world.org, event.id, "billing.bill.updated")
    assert sent["eventTime"] == "2026-01-15T12:00:00.000000Z"
    assert sent["notification"] == {"id": "rule", "code": "rule_code", "name": "rule", "description": "d"}
    assert sent["m3terEvent"]["eventData"]["newDto"]["billTotal"] == 70
    assert headers["X-M3ter-Event-Id"] == event.id
    assert headers["X-M3ter-Api-Key"] == "the-key"
    assert headers["Content-Type"] == "application/json"
    stamp, signature = headers["X-M3ter-Timestamp"], headers["X-M3ter-Signature"]
    assert verify("the-secret", stamp, signature, body, now=world.now)
    assert b"the-secret" not in body


def test_a_delivered_run_is_complete(world: World, run: Document) -> None:
    world.work()
    [after] = world.runs()
    assert after["status"] == "COMPLETE"
    assert after["error"] is None
    assert after["dtStarted"] == after["dtCompleted"] == "2026-01-15T12:00:00.000000Z"
    assert world.dead_letters.messages == []


def test_a_message_that_comes_again_delivers_nothing_again(world: World, run: Document) -> None:
    world.work()
    deliver_run(world.org, run["id"], world.deliverer())
    assert len(world.sender.sent) == 1


def test_a_message_about_nothing_is_done(world: World) -> None:
    deliver_run(world.org, "nowhere", world.deliverer())
    assert world.sender.sent == []


def test_a_failed_attempt_is_repeated_after_its_wait(world: World, run: Document) -> None:
    world.sender.outcomes = (DOWN, Outcome(status=200))
    deliver_run(world.org, run["id"], world.deliverer())
    [waiting] = world.runs()
    assert (waiting["status"], waiting["error"]) == ("AWAITING_RETRY", "the receiver answered 500")
    assert 30 <= world.queue.sent[-1][1] <= 36
    world.work()
    assert world.runs()[0]["status"] == "COMPLETE"
    assert len({body for _, body, _ in world.sender.sent}) == 1
    assert len({headers["X-M3ter-Signature"] for _, _, headers in world.sender.sent}) == 2


def test_a_wait_longer_than_the_queue_can_hold_is_several(world: World, run: Document) -> None:
    world.sender.outcomes = (Outcome(status=429, retry_after=timedelta(minutes=40)), Outcome(status=200))
    world.queue.take()
    deliver_run(world.org, run["id"], world.deliverer())
    assert world.runs()[0]["status"] == "RATE_LIMIT_RETRY"
    delays = []
    while world.queue.sent:
        [(message, delay)] = world.queue.take()
        delays.append(delay)
        world.clock.advance(seconds=delay)
        deliver_run(message["orgId"], message["runId"], world.deliverer())
    assert delays == [900, 900, 600]
    assert len(world.sender.sent) == 2


def test_an_early_message_waits_for_its_time(world: World, run: Document) -> None:
    world.sender.outcomes = (DOWN,)
    deliver_run(world.org, run["id"], world.deliverer())
    deliver_run(world.org, run["id"], world.deliverer())
    assert len(world.sender.sent) == 1


def test_the_ninth_failure_ends_the_run_with_an_event_and_a_dead_letter(world: World, run: Document) -> None:
    world.sender.outcomes = (DOWN,)
    world.work()
    assert len(world.sender.sent) == 9
    [after] = world.runs()
    assert (after["status"], after["error"]) == ("ERROR", "the receiver answered 500")
    [event] = world.events.events("integration.perform.error")
    assert (event.type, event.resource_id, event.notification_id) == ("IntegrationEvent", run["id"], "rule")
    assert event.detail["message"] == "the receiver answered 500"
    [letter] = world.dead_letters.messages
    assert letter == {
        "orgId": world.org,
        "runId": run["id"],
        "status": "ERROR",
        "error": "the receiver answered 500",
    }


def test_the_attempts_of_a_failing_run_last_more_than_a_day(world: World, run: Document) -> None:
    world.sender.outcomes = (DOWN,)
    world.work()
    assert timedelta(hours=27) < world.now - world.clock.__class__().instant < timedelta(hours=33)


@pytest.mark.parametrize(
    ("outcome", "status", "event"),
    [
        (Outcome(status=401), "AUTH_FAILED", "integration.authentication.error"),
        (Outcome(fault=Fault.REFUSED_ADDRESS), "ERROR", "integration.validation.error"),
        (Outcome(fault=Fault.INVALID_REQUEST), "ERROR", "integration.validation.error"),
    ],
)
def test_what_cannot_be_mended_by_repeating_fails_at_once(
    world: World, run: Document, outcome: Outcome, status: str, event: str
) -> None:
    world.sender.outcomes = (outcome,)
    world.work()
    assert len(world.sender.sent) == 1
    assert world.runs()[0]["status"] == status
    assert len(world.events.events(event)) == len(world.dead_letters.messages) == 1


def test_a_receiver_that_never_answers_is_said_to_be_too_slow(world: World, run: Document) -> None:
    world.sender.outcomes = (Outcome(fault=Fault.TIMEOUT),)
    world.work()
    assert world.runs()[0]["status"] == "TIMEOUT_LIMIT_EXCEEDED"


@pytest.mark.parametrize("what", ["webhook", "integrationConfiguration"])
def test_a_delivery_by_what_was_switched_off_meanwhile_is_dropped(world: World, run: Document, what: str) -> None:
    [(key, _)] = [(key, row) for key, row in world.entities.rows.items() if key[1] == what]
    document = world.entities.get(*key)
    assert document
    off = {**document, "version": 2, "active": False, "enabled": False}
    world.entities.commit(world.org, [Put(what, off, expected_version=1)])
    world.work()
    assert world.sender.sent == []
    assert world.runs()[0]["status"] == "DISABLED"
    assert world.dead_letters.messages == []


def test_a_delivery_whose_event_has_expired_is_dropped(world: World, run: Document) -> None:
    world.clock.advance(days=29)
    world.work()
    assert (world.runs()[0]["status"], world.runs()[0]["error"]) == ("DISABLED", "the event has expired")


def test_two_workers_with_the_same_message_make_one_attempt(world: World, run: Document) -> None:
    class Rival:
        """Delivers the same run while the first worker is about to send."""

        def __init__(self) -> None:
            self.meanwhile = True

        def send(self, *request: object) -> Outcome:
            if self.meanwhile:
                self.meanwhile = False
                deliver_run(world.org, run["id"], world.deliverer())
            return world.sender.send(*request)  # type: ignore[arg-type]

        def check(self, url: str) -> None:
            raise AssertionError

    deliver_run(world.org, run["id"], world.deliverer(sender=Rival()))
    assert len(world.sender.sent) == 1
    assert world.runs()[0]["status"] == "COMPLETE"


def test_an_attempt_whose_worker_died_is_made_again_when_its_claim_ends(world: World, run: Document) -> None:
    world.queue.take()
    started = {**run, "version": 2, "status": "STARTED"}
    started["delivery"] = {**run["delivery"], "dueAt": "2026-01-15T12:01:00.000000Z"}
    world.entities.commit(world.org, [Put("integrationRun", started, expected_version=1)])
    deliver_run(world.org, run["id"], world.deliverer())
    assert world.sender.sent == []
    assert world.queue.sent[-1][1] == 60
    world.work()
    assert world.runs()[0]["status"] == "COMPLETE"


def test_a_webhook_without_credentials_is_sent_unsigned(world: World) -> None:
    world.rule()
    world.entities.commit(world.org, [Put("webhook", {"id": "webhook", "version": 1, "url": "https://e.com"})])
    world.link()
    record_change(world.change(), world.stores())
    world.work()
    [(_, _, headers)] = world.sender.sent
    assert set(headers) == {"Content-Type", "X-M3ter-Timestamp", "X-M3ter-Event-Id", "X-M3ter-Delivery-Id"}


def test_a_delivery_is_signed_by_two_secrets_while_one_replaces_the_other(world: World) -> None:
    world.rule()
    world.webhook(previous_secret="the-secret-before")
    world.link()
    record_change(world.change(), world.stores())
    world.work()
    [(_, body, headers)] = world.sender.sent
    stamp, signature = headers["X-M3ter-Timestamp"], headers["X-M3ter-Signature"]
    for secret, fits in (("the-secret", True), ("the-secret-before", True), ("another", False)):
        assert verify(secret, stamp, signature, body, now=world.now) is fits

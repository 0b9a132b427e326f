"""A destination gets what it has room for, in order when it asks for that, and takes nothing from the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes.webhooks import FakeWebhookSender
from tests.unit.application.notifications.world import World
from usance.application.notifications.attempts import masked
from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.application.notifications.leases import LEASE_TYPE
from usance.application.notifications.lines import PLACE_TYPE
from usance.application.notifications.record_change import record_change
from usance.application.ports.entities import Put
from usance.domain.notifications.delivery import Outcome
from usance.domain.notifications.pacing import LANES
from usance.resources import wire
from usance.resources.wire import Document


def prepared(*, changes: int, **webhook: object) -> World:
    """So many deliveries to one destination, a second between their events."""
    world = World()
    world.rule()
    world.webhook(**webhook)  # type: ignore[arg-type]
    world.link()
    for version in range(2, changes + 2):
        record_change(world.change(version), world.stores())
        world.clock.advance(seconds=1)
    return world


def take(world: World, message: Document, deliverer: Deliverer | None = None) -> None:
    deliver_run(message["orgId"], message["runId"], deliverer or world.deliverer(), message.get("timesHeld", 0))


def versions(world: World) -> list[int]:
    """The versions of the bill in what was sent, in order."""
    return [wire.loads(body)["m3terEvent"]["eventData"]["newDto"]["version"] for _, body, _ in world.sender.sent]


@dataclass
class Slow:
    """Receivers that take seconds to answer, by URL, and meanwhile let the test look."""

    world: World
    seconds: Mapping[str, int]
    inner: FakeWebhookSender = field(default_factory=FakeWebhookSender)

    def check(self, url: str) -> None:
        raise AssertionError(url)

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        self.world.clock.advance(seconds=self.seconds[url])
        return self.inner.send(url, body, headers)


def test_a_destination_has_no_more_attempts_at_a_time_than_lanes() -> None:
    world = prepared(changes=LANES + 2)
    started: list[Document] = []

    class Nested(FakeWebhookSender):
        """While it sends, the next message is taken by another worker."""

        def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
            started.append({})
            if waiting:
                take(world, waiting.pop(), deliverer)
            return super().send(url, body, headers)

    waiting = [message for message, _ in world.queue.take()]
    deliverer = world.deliverer(sender=Nested())
    take(world, waiting.pop(), deliverer)
    assert len(started) == LANES
    [(held, delay)] = world.queue.sent  # the fifth message; the sixth was not even taken
    assert held["timesHeld"] == 1
    assert delay == 2
    world.queue.send(waiting)
    world.work()
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}


def test_a_destination_that_was_slow_gets_one_delivery_at_a_time_until_it_is_not() -> None:
    world = prepared(changes=4)
    began = world.now
    slow = Slow(world, {"https://example.com/hook": 10})
    messages = [message for message, _ in world.queue.take()]
    take(world, messages[0], world.deliverer(sender=slow))
    for message in messages[1:]:
        take(world, message)
    assert len(slow.inner.sent) == 1
    assert world.sender.sent == []
    world.clock.instant = began + timedelta(seconds=39)
    take(world, messages[1])
    assert world.sender.sent == []
    world.clock.instant = began + timedelta(seconds=40)
    for message in messages[1:]:
        take(world, message)
    assert len(world.sender.sent) == 3


def test_a_lane_whose_worker_died_is_free_again_when_its_claim_ends() -> None:
    world = prepared(changes=1)
    message = world.queue.take()[0][0]

    class Killed(BaseException):
        pass

    class Deadly(FakeWebhookSender):
        def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
            raise Killed

    with pytest.raises(Killed):
        take(world, message, world.deliverer(sender=Deadly()))
    for key in [key for key in world.entities.rows if key[1] == LEASE_TYPE]:
        lane = world.entities.get(*key)
        assert lane
        world.entities.commit(
            world.org,
            [Put(LEASE_TYPE, {**lane, "version": 9, "until": "2026-01-15T12:01:01.000000Z"}, lane["version"])],
        )
    world.clock.advance(seconds=61)
    take(world, message)
    assert world.runs()[0]["status"] == "COMPLETE"


def test_without_order_a_delivery_overtakes_one_that_must_be_repeated() -> None:
    world = prepared(changes=3)
    world.sender.outcomes = (Outcome(status=500), Outcome(status=200))
    world.work()
    assert versions(world) == [2, 3, 4, 2]


def test_an_ordered_destination_gets_nothing_before_the_delivery_ahead_is_over() -> None:
    world = prepared(changes=3, ordered=True)
    world.sender.outcomes = (*[Outcome(status=500)] * 3, Outcome(status=200))
    world.queue.sent.reverse()  # the queue keeps no order
    world.work()
    assert versions(world) == [2, 2, 2, 2, 3, 4]
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}
    assert not [key for key in world.entities.rows if key[1] == PLACE_TYPE]


@pytest.mark.parametrize(
    ("outcomes", "sent", "statuses"),
    [
        ((Outcome(status=401), Outcome(status=200)), [2, 3], ["COMPLETE", "AUTH_FAILED"]),
        (((*[Outcome(status=500)] * 9, Outcome(status=200))), [*[2] * 9, 3], ["COMPLETE", "ERROR"]),
    ],
)
def test_a_delivery_that_fails_for_good_lets_the_next_one_go(
    outcomes: tuple[Outcome, ...], sent: list[int], statuses: list[str]
) -> None:
    world = prepared(changes=2, ordered=True)
    world.sender.outcomes = outcomes
    world.work(rounds=500)
    assert versions(world) == sent
    assert [run["status"] for run in world.runs()] == statuses


def test_who_waits_in_line_is_called_at_once() -> None:
    world = prepared(changes=2, ordered=True)
    [(first, _), (second, _)] = world.queue.take()
    take(world, second)
    assert world.queue.take()[0][0]["timesHeld"] == 1
    take(world, first)
    assert world.queue.sent == [(second, 0)]


def test_what_is_dropped_leaves_the_line_too() -> None:
    world = prepared(changes=2, ordered=True)
    webhook = world.entities.get(world.org, "webhook", "webhook")
    world.entities.commit(world.org, [Put("webhook", {**(webhook or {}), "version": 2, "active": False}, 1)])
    world.work()
    assert {run["status"] for run in world.runs()} == {"DISABLED"}
    assert not [key for key in world.entities.rows if key[1] == PLACE_TYPE]


@pytest.mark.parametrize("dummy", ["x", "e", "key"])
def test_credentials_too_short_to_be_any_leave_what_failed_readable(dummy: str) -> None:
    hidden = (dummy, "a-real-key")
    assert masked("the key a-real-key expired", hidden) == "the key *** expired"


def test_the_log_of_an_attempt_hides_what_signs_it() -> None:
    world = prepared(changes=1, url="https://example.com/hook?token=very-private")
    world.sender.outcomes = (Outcome(status=200, answer="I got the-key and the-secret"),)
    world.work()
    [run] = world.runs()
    [attempt] = run["delivery"]["attempts"]
    assert attempt["answer"] == "I got *** and ***"
    assert attempt["url"] == "https://example.com/hook?***"
    assert attempt["headers"]["X-M3ter-Signature"] == attempt["headers"]["X-M3ter-Api-Key"] == "***"
    assert attempt["headers"]["X-M3ter-Delivery-Id"] == run["id"]
    assert (attempt["status"], attempt["milliseconds"]) == (200, 0)
    for hidden in ("the-key", "the-secret", "very-private", world.sender.sent[0][2]["X-M3ter-Signature"]):
        assert hidden not in str(run)

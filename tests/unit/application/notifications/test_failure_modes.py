"""Whatever fails, and for however long, no delivery is lost, and one that arrives twice says so by its id."""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest

from tests.fakes.webhooks import FakeWebhookSender
from tests.unit.application.notifications.world import World
from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.application.notifications.lines import joins
from usance.application.notifications.record_change import record_change
from usance.application.notifications.runs import message, new_run
from usance.application.ports.events import Event
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.changes import Change
from usance.domain.notifications.delivery import Fault, Outcome
from usance.resources.wire import Document

QUEUED = 10_000
UP, DOWN = Outcome(status=200), Outcome(fault=Fault.UNREACHABLE)


@dataclass
class Receivers(FakeWebhookSender):
    """Receivers that are away until an instant, by URL."""

    world: World = field(default_factory=World)
    back_at: Mapping[str, datetime] = field(default_factory=dict)

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        back_at = self.back_at.get(url)
        if back_at is not None and self.world.now < back_at:
            return DOWN
        super().send(url, body, headers)
        return UP


def work(world: World, deliverer: Deliverer) -> None:
    """Bring each message when its delay is over, as the queue does, until there is none."""
    due: list[tuple[datetime, int, Document]] = []
    count = 0
    while True:
        for taken, delay in world.queue.take():
            count += 1
            heapq.heappush(due, (world.now + timedelta(seconds=delay), count, taken))
        if not due:
            return
        at, _, taken = heapq.heappop(due)
        world.clock.instant = max(world.now, at)
        deliver_run(taken["orgId"], taken["runId"], deliverer, taken.get("timesHeld", 0))


def delivered(receivers: FakeWebhookSender) -> Counter[str]:
    """How often each delivery arrived."""
    return Counter(headers["X-M3ter-Delivery-Id"] for _, _, headers in receivers.sent)


def versions_at(receivers: FakeWebhookSender, url: str) -> list[bytes]:
    return [body for there, body, _ in receivers.sent if there == url]


def test_a_receiver_that_is_down_for_a_day_gets_everything_afterwards_and_its_neighbour_at_once() -> None:
    world = World()
    world.rule()
    for name, more in (("up", {}), ("down", {}), ("ordered", {"ordered": True})):
        world.webhook(name, url=f"https://{name}/", **more)
        world.link(webhook=name)
    began = world.now
    back_at = began + timedelta(days=1)
    receivers = Receivers(world=world, back_at={"https://down/": back_at, "https://ordered/": back_at})
    for version in range(2, 22):
        record_change(world.change(version), world.stores())
        world.clock.advance(seconds=1)
    work(world, world.deliverer(sender=receivers))

    runs = world.runs()
    assert {run["status"] for run in runs} == {"COMPLETE"}
    assert world.dead_letters.messages == []
    assert set(delivered(receivers).values()) == {1}
    assert len(runs) == 60
    times = {run["destinationId"]: run["dtCompleted"] for run in runs}
    assert times["up"] < "2026-01-15T12:01"
    assert "2026-01-16T12:00" <= times["down"] < "2026-01-16T21:00"
    ordered = versions_at(receivers, "https://ordered/")
    assert [b'"version":%d,' % version in body for version, body in zip(range(2, 22), ordered, strict=True)] == [
        True
    ] * 20


def test_a_shard_of_the_stream_that_is_replayed_delivers_nothing_again() -> None:
    world = World()
    world.rule()
    world.webhook()
    world.link()
    shard: list[Change] = [world.change(version) for version in range(2, 30)]
    for change in shard:
        record_change(change, world.stores())
    world.work()
    events, runs = world.events.events(), world.runs()
    for start in (0, 13, 27):
        for change in shard[start:]:
            record_change(change, world.stores())
        world.work()
    assert world.events.events() == events
    assert world.runs() == runs
    assert set(delivered(world.sender).values()) == {1}
    assert len(world.sender.sent) == len(shard)


def test_a_worker_killed_between_sending_and_recording_sends_again_under_the_same_id() -> None:
    class Killed(BaseException):
        pass

    class Deadly(FakeWebhookSender):
        def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
            super().send(url, body, headers)
            if len(self.sent) == 1:
                raise Killed
            return UP

    world = World()
    world.rule()
    world.webhook()
    world.link()
    record_change(world.change(), world.stores())
    deadly = Deadly()
    deliverer = world.deliverer(sender=deadly)
    [(taken, _)] = world.queue.take()
    with pytest.raises(Killed):
        deliver_run(taken["orgId"], taken["runId"], deliverer)
    assert world.runs()[0]["status"] == "STARTED"
    world.queue.send([taken], delay_seconds=360)
    work(world, deliverer)
    assert world.runs()[0]["status"] == "COMPLETE"
    first, second = deadly.sent
    assert first[1] == second[1]
    assert first[2]["X-M3ter-Delivery-Id"] == second[2]["X-M3ter-Delivery-Id"]


def test_of_ten_thousand_queued_deliveries_none_is_lost_although_each_message_comes_twice() -> None:
    world = World()
    world.rule()
    links = []
    for name in ("up", "down"):
        world.webhook(name, url=f"https://{name}/")
        links.append(world.link(webhook=name))
    receivers = Receivers(world=world, back_at={"https://down/": world.now + timedelta(minutes=20)})
    told = {"eventName": "billing.bill.updated", "eventTime": "2026-01-15T12:00:00Z", "notification": {"id": "rule"}}
    puts, messages = [], []
    for number in range(QUEUED):
        id_ = derived_id(str(number))
        firing = Event(id_, world.org, "billing.bill.updated", world.now, {**told, "eventId": id_, "number": number})
        world.events.append(firing)
        run = new_run(links[number % 2], ("Notification", "rule"), firing, world.now, line=None)
        puts += joins(run)
        messages += [message(world.org, run["id"])] * 2
    world.entities.commit(world.org, puts)
    Random(1).shuffle(messages)
    world.queue.send(messages)
    work(world, world.deliverer(sender=receivers))

    arrived = delivered(receivers)
    assert len(arrived) == QUEUED
    assert set(arrived.values()) == {1}
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}
    assert world.dead_letters.messages == []

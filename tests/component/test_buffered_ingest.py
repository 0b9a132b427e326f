"""Measurements by way of a queue: accepted at once, stored together, counted once (metering.md 1)."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.component.test_ingest import World, measurement
from tests.fakes.http import Client
from tests.fakes.queue import FakeQueue
from usance.application.ingest import buffer
from usance.application.ingest.directory import Directory
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.ports import IngestPorts
from usance.application.lookups.published import PublishedTables
from usance.bootstrap.ingest import Ingest
from usance.domain.kernel.errors import UnavailableError
from usance.entrypoints.http import core, ingest
from usance.entrypoints.queue import ingest_worker
from usance.resources import wire


class Buffered(World):
    """A deployment whose requests go through a queue, and its worker."""

    def __post_init__(self) -> None:
        self.buffer = FakeQueue()
        self.left = 900_000
        super().__post_init__()
        self.worker = ingest_worker.handler(self.composed)

    def composed(self) -> Ingest:
        store, clock = self.org.store, self.org.clock
        ports = IngestPorts(
            store, self.usage, FailureLog(self.events, self.blobs), self.blobs, clock, self.org.ids, self.merges
        )
        return Ingest(ports, Directory(store, clock, PublishedTables(store, self.blobs, clock)), self.buffer)

    def handler(self) -> core.Handler:
        return core.build(ingest.routes(self.composed))

    def drain(self) -> list[str]:
        """Run the worker on all messages at once; the ids of those that come again."""
        taken = [message for message, _ in self.buffer.take()]
        return self.work(*(wire.dumps(message).decode() for message in taken))

    def work(self, *bodies: str) -> list[str]:
        records = [{"messageId": str(at), "body": body} for at, body in enumerate(bodies)]
        return [row["itemIdentifier"] for row in self.worker({"Records": records}, self)["batchItemFailures"]]

    def get_remaining_time_in_millis(self) -> int:
        """Of the invocation: a second is over at each look."""
        self.left -= 1_000
        return self.left


@pytest.fixture
def world() -> Buffered:
    return Buffered()


def test_what_is_accepted_is_stored_behind_the_queue(world: Buffered) -> None:
    for number in range(30):
        assert world.send(measurement(uid=str(number))).json == {"result": "accepted"}
    assert world.total("COUNT") is None
    assert world.drain() == []
    assert world.total("COUNT") == 30
    assert len(world.usage.batches) == 1  # packed as if one client had sent them together


def test_a_message_that_comes_again_counts_once_with_or_without_a_uid(world: Buffered) -> None:
    world.send(measurement(uid="a"), {**measurement(), "uid": None})
    unnamed = measurement(measure={"tokens": 5})
    unnamed.pop("uid", None)
    world.send(unnamed)
    bodies = [wire.dumps(message).decode() for message in world.buffer.messages]
    assert world.work(*bodies) == []
    world.org.clock.instant += timedelta(minutes=5)
    assert world.work(bodies[1], *bodies) == []
    assert world.total("COUNT") == 3


def test_digits_and_instants_pass_through_the_queue_as_they_were_sent(world: Buffered) -> None:
    exact = Decimal("0.10000000000000000000000000000000000001")
    sent = measurement(uid="a", ts="2026-01-10T00:00:00.1234567Z", measure={"tokens": exact})
    assert world.send(sent).status == 200
    assert world.drain() == []
    assert str(world.total("SUM")) == "0.10000000000000000000000000000000000001"


def test_a_request_that_is_wrong_is_refused_at_once(world: Buffered) -> None:
    answer = world.send(measurement(ts="2026-02-01T00:00:00Z"))
    assert (answer.status, "ts" in answer.message) == (400, True)
    denied = Client(world.handler(), world.org.id, [])
    assert denied.post("/measurements", {"measurements": [measurement()]}).status == 403
    assert world.buffer.messages == []


def test_what_cannot_be_ingested_is_reported_behind_the_queue(world: Buffered) -> None:
    assert world.send(measurement(meter="unknown"), measurement(uid="fine")).status == 200
    assert world.failure_types() == []
    assert world.drain() == []
    assert world.failure_types() == ["UndefinedMeter"]
    assert world.total("COUNT") == 1


def test_a_large_request_is_stored_directly(world: Buffered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "BUFFERED_MAX_BYTES", 300)
    assert world.send(*(measurement(uid=str(number)) for number in range(20))).status == 200
    assert world.buffer.messages == []
    assert world.total("COUNT") == 20


def test_a_queue_that_refuses_is_no_acceptance(world: Buffered, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UnavailableError("the queue does not answer")

    monkeypatch.setattr(world.buffer, "send", refuse)
    assert world.send(measurement()).status == 503


def test_messages_come_again_where_the_store_gave_up(world: Buffered) -> None:
    for number in range(4):
        world.send(measurement(uid=str(number), account=f"acct{number % 2}"))
    bodies = [wire.dumps(message).decode() for message in world.buffer.messages]
    world.usage.failures = 1
    assert world.work(*bodies) == ["0", "1", "2", "3"]
    assert world.work(*bodies) == []
    assert sum(len(batch.columns) for batch in world.usage.batches.values()) == 4


def test_what_is_not_reached_in_time_comes_again_and_what_was_stored_does_not(
    world: Buffered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer, "MEASUREMENTS_MAX", 1)
    for number in range(4):
        world.send(measurement(uid=str(number)))
    bodies = [wire.dumps(message).decode() for message in world.buffer.messages]
    world.left = ingest_worker.LEFT_MILLISECONDS + 2_500
    assert world.work(*bodies) == ["2", "3"]
    assert world.total("COUNT") == 2
    world.left = ingest_worker.LEFT_MILLISECONDS + 2_500
    assert world.work(*bodies[2:]) == []
    assert world.total("COUNT") == 4


def test_time_ends_among_messages_that_are_tried_one_by_one(world: Buffered) -> None:
    sent = {"orgId": world.org.id, "principalType": "SERVICE_USER", "principalId": "p"}
    rows = [{"meter": "m"}, *(measurement(uid=str(number)) for number in range(3))]
    world.left = ingest_worker.LEFT_MILLISECONDS + 3_500
    assert world.work(*(json.dumps({**sent, "measurements": [row]}) for row in rows)) == ["0", "2", "3"]


def test_a_message_that_no_request_could_carry_keeps_no_other_back(world: Buffered) -> None:
    good = [measurement(uid="a"), measurement(uid="b")]
    sent = {"orgId": world.org.id, "principalType": "SERVICE_USER", "principalId": "p"}
    bodies = [json.dumps({**sent, "measurements": [row]}) for row in (good[0], {"meter": "m"}, good[1])]
    assert world.work(*bodies) == ["1"]
    assert world.total("COUNT") == 2


def test_callers_and_requests_are_kept_apart(world: Buffered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "MEASUREMENTS_MAX", 3)
    for number in range(7):
        world.send(measurement(uid=str(number)))
    other = Client(world.handler(), world.org.id, principal_id="9" * 36)
    other.post("/measurements", {"measurements": [measurement(uid="other")]})
    assert world.drain() == []
    assert world.total("COUNT") == 8
    assert sorted(len(batch.columns) for batch in world.usage.batches.values()) == [1, 1, 3, 3]

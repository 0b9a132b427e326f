"""The merge worker goes on until nothing is left, or its time is up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.blobs import FakeBlobStore
from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.fakes.events import FakeEventLog
from tests.fakes.usage_log import FakeUsageLog
from usance.application.ingest import report_repeats
from usance.application.ingest.failure_events import FailureLog
from usance.application.ingest.report_repeats import Telling
from usance.application.ports.entities import Put
from usance.application.ports.events import Event
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.bootstrap.merging import Merging
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.entrypoints.queue import merge_worker


@dataclass
class Merger:
    """Has `left` groups to merge, two a call."""

    left: int
    calls: list[tuple[UsageScope, str, datetime]] = field(default_factory=list)
    fault: Exception | None = None

    def merge(self, scope: UsageScope, month: str, received_before: datetime) -> int:
        if self.fault:
            raise self.fault
        self.calls.append((scope, month, received_before))
        made, self.left = min(self.left, 2), max(self.left - 2, 0)
        return made


@dataclass
class World:
    """What the worker works with: usage in memory, and where it tells of copies."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    usage: FakeUsageLog = field(default_factory=FakeUsageLog)
    blobs: FakeBlobStore = field(default_factory=FakeBlobStore)

    def __post_init__(self) -> None:
        self.entities = FakeEntityRepository(self.clock)
        self.events = FakeEventLog(self.clock)

    def tools(self, merger: Merger) -> Merging:
        failures = FailureLog(self.events, self.blobs, "https://api.example.com")
        return Merging(merger, self.usage, Telling(self.entities, failures, self.clock), self.clock)

    def received(self, uid: str, days_ago: int) -> None:
        """A measurement of 3 January 2026."""
        at = microseconds(datetime(2026, 1, 3, tzinfo=UTC))
        columns = Columns([uid], [at], [None], {"tokens": [days_ago]}, {})
        received = self.clock.instant - timedelta(days=days_ago)
        scope = UsageScope("o", "m", "a")
        self.usage.append([UsageBatch(scope, "2026-01", f"{len(self.usage.batches):032x}", received, columns)])


def run(merger: Merger, *milliseconds: int, world: World | None = None) -> Any:
    world = world or World()
    remaining = iter([*milliseconds, *[900_000] * 99])

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return next(remaining)

    body = json.dumps({"orgId": "o", "meterId": "m", "accountId": "a", "month": "2026-01"})
    event = {"Records": [{"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs"}]}
    tools = world.tools(merger)
    return merge_worker.handler(lambda: tools)(event, Context())


def test_a_month_is_merged_to_its_end() -> None:
    merger = Merger(5)
    assert run(merger) == {"batchItemFailures": []}
    before = FrozenClock().instant - timedelta(minutes=10)
    assert merger.calls == [(UsageScope("o", "m", "a"), "2026-01", before)] * 4


def test_it_ends_in_time() -> None:
    merger = Merger(100)
    assert run(merger, 900_000, 59_000) == {"batchItemFailures": []}
    assert len(merger.calls) == 1


@pytest.mark.parametrize("fault", [UnavailableError("busy"), RuntimeError("broken")])
def test_a_message_that_failed_comes_again(fault: Exception) -> None:
    assert run(Merger(1, fault=fault)) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_copies_of_the_month_are_told_once() -> None:
    world = World()
    world.entities.commit("o", [Put("meter", {"id": "m", "version": 1, "code": "calls"})])
    for uid, days_ago in (("a", 30), ("a", 9), ("b", 5), ("b", 3), ("b", 1), ("c", 2)):
        world.received(uid, days_ago)
    for _ in range(2):
        assert run(Merger(1), world=world) == {"batchItemFailures": []}
    told = world.events.events("ingest.validation.failure")
    assert sorted((one.detail["type"], one.detail["uid"], one.detail["meter"]) for one in told) == [
        ("DuplicateUid", "b", "calls"),
        ("DuplicateUid", "b", "calls"),  # those of the last days: the copy of `a` was told in its time
    ]
    assert {one.account_id for one in told} == {"a"}
    urls = {one.detail["getDownloadUrl"] for one in told}
    assert len(urls) == 2
    assert all(url.startswith("https://api.example.com/organizations/o/measurements/failedIngest/") for url in urls)


def test_a_month_that_is_too_large_is_left_to_bills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_repeats, "MEASUREMENTS_MAX", 1)
    world = World()
    world.received("b", 2)
    world.received("b", 1)
    world.received("c", 1)
    assert run(Merger(1), world=world) == {"batchItemFailures": []}
    assert world.events.events("ingest.validation.failure") == []


def test_there_is_no_time_to_tell_when_merging_took_it() -> None:
    world = World()
    world.received("b", 2)
    world.received("b", 1)
    assert run(Merger(2), 900_000, 59_000, 59_000, world=world) == {"batchItemFailures": []}
    assert world.events.events("ingest.validation.failure") == []


def test_copies_are_told_as_long_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_repeats, "AT_ONCE", 2)
    world = World()
    for days_ago in (6, 5, 4, 3, 2, 1):
        world.received("b", days_ago)
    assert run(Merger(0), *[900_000] * 4, 59_000, world=world) == {"batchItemFailures": []}
    assert len(world.events.events("ingest.validation.failure")) == 4
    assert run(Merger(0), world=world) == {"batchItemFailures": []}
    assert len(world.events.events("ingest.validation.failure")) == 5


def test_copies_that_were_told_are_asked_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for days_ago in (6, 5, 4, 3):
        world.received("b", days_ago)
    run(Merger(0), world=world)
    asked: list[int] = []

    def get_many(org_id: str, ids: Sequence[str]) -> Sequence[Event]:
        asked.append(len(ids))
        return [world.events.rows[org_id, id_][0] for id_ in ids]

    monkeypatch.setattr(world.events, "get_many", get_many)
    monkeypatch.setattr(world.events, "append", None)
    monkeypatch.setattr(world.blobs, "put", None)
    assert run(Merger(0), world=world) == {"batchItemFailures": []}
    assert asked == [3]

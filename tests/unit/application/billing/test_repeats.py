"""Measurements that were sent again are told where a bill comes upon them (metering.md 1.3, 1.4)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.ports.usage_log import Repeat, UsageScope
from usance.domain.metering.instants import microseconds
from usance.resources import wire
from usance.resources.instants import from_text


@pytest.fixture
def world() -> World:
    return World()


def copy(world: World, account: dict[str, Any], uid: str, received: str) -> None:
    scope = UsageScope(world.org.id, world.aggregation["meterId"], account["id"])
    ts = microseconds(from_text("2025-12-03T00:00:00Z"))
    world.usage.copies.append(Repeat(scope, uid, ts, microseconds(from_text(received))))


def test_a_copy_is_told_once_with_a_file(world: World) -> None:
    account = world.subscribe()
    copy(world, account, "m-1", "2026-01-02T00:00:00Z")
    world.bill(world.run())
    world.run()
    [event] = world.events.events("ingest.validation.failure")
    assert event.type == "IngestValidationFailure"
    meter = world.org.client.get(f"/meters/{world.aggregation['meterId']}").json
    told = {name: event.detail[name] for name in ("type", "meter", "account", "uid")}
    assert told == {"type": "DuplicateUid", "meter": meter["code"], "account": account["code"], "uid": "m-1"}
    assert event.id in event.detail["getDownloadUrl"]
    assert wire.loads(event.attachment or b"")["measurement"]["receivedAt"] == "2026-01-02T00:00:00.000000Z"


def test_what_was_received_before_the_last_calculation_is_not_looked_at_again(world: World) -> None:
    account = world.subscribe()
    world.bill(world.run())
    copy(world, account, "old", "2026-01-15T11:59:59Z")
    copy(world, account, "new", "2026-01-15T12:00:00Z")
    world.run()
    assert [event.detail["uid"] for event in world.events.events("ingest.validation.failure")] == ["new"]


def test_another_copy_of_the_same_is_told_too(world: World) -> None:
    account = world.subscribe()
    copy(world, account, "m-1", "2026-01-02T00:00:00Z")
    copy(world, account, "m-1", "2026-01-03T00:00:00Z")
    world.run()
    assert len(world.events.events("ingest.validation.failure")) == 2

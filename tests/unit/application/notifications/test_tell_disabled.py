"""People are told when an integration is disabled, once, and nothing fails for it."""

from typing import Any

import pytest

from tests.unit.application.notifications.test_disable_integration import DOWN, configuration, deliver
from tests.unit.application.notifications.world import World
from usance.application.notifications.tell_disabled import Notice, tell_disabled
from usance.application.ports.entities import Put
from usance.domain.kernel.errors import InvalidInputError

ANN: dict[str, Any] = {"id": "ann", "version": 1, "email": "ann@example.com"}
GONE: dict[str, Any] = {"id": "bob", "version": 1, "email": "bob@example.com", "dtEndAccess": "2026-01-01T00:00:00Z"}


@pytest.fixture
def world() -> World:
    world = World()
    world.rule()
    world.webhook()
    world.entities.commit(world.org, [Put("user", ANN), Put("user", GONE)])
    world.link(name="To finance", configData={"disabledNotificationUserIds": ["ann", "bob", "nobody"]})
    world.clock.advance(seconds=1)
    return world


def disable(world: World) -> None:
    for version in range(2, 12):
        deliver(world, version, DOWN)


def test_users_with_access_are_told_once_what_was_disabled_and_why(world: World) -> None:
    disable(world)
    [(to, subject, text)] = world.mailer.sent
    assert (to, subject) == ("ann@example.com", "The integration To finance was disabled")
    assert "the receiver answered 500" in text
    assert "rule-webhook" in text


def test_a_message_that_cannot_be_sent_changes_nothing_else(world: World) -> None:
    world.mailer.refusals = [InvalidInputError("no such address")]
    disable(world)
    assert world.unsent == ["ann"]
    assert not configuration(world)["enabled"]
    assert len(world.dead_letters.messages) == 10


def test_without_e_mail_or_users_nobody_is_told(world: World) -> None:
    tell_disabled(world.org, configuration(world), "x", Notice(world.entities, world.clock, None, lambda *_: None))
    notice = Notice(world.entities, world.clock, world.mailer, lambda *_: None)
    for options in ({}, {"disabledNotificationUserIds": "ann"}):
        tell_disabled(world.org, {**configuration(world), "configData": options}, "x", notice)
    assert world.mailer.sent == []

"""The published rules, over the events they are published for, and a crossing that is told of once whoever brings it."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.application.notifications.world import World
from usance.application.notifications.record_change import record_change
from usance.application.notifications.stores import Stores
from usance.domain.notifications.changes import Change
from usance.domain.notifications.rules import check
from usance.resources import instants
from usance.resources.event_fields import fields_of
from usance.resources.wire import Document

CROSSED_90_PERCENT = (
    "(new.amountSpent >= ((new.amount*90)/100)) AND \n"
    "((old.amountSpent <= ((old.amount*90)/100)) OR (old.amountSpent == null))"
)
DEPLETED = 'new.amount == 0 AND new.transactionTypeId == "promotion"'
UPDATED = "configuration.commitment.updated"

# By rule: the event, the calculation, what lets it fire (old and new), and what does not.
EXAMPLES: list[tuple[str, str, list[tuple[Document | None, Document]], list[tuple[Document | None, Document]]]] = [
    (
        UPDATED,
        CROSSED_90_PERCENT,
        [({"amount": 1000, "amountSpent": 899}, {"amount": 1000, "amountSpent": 900}), ({"amount": 1000}, {"amount": 1000, "amountSpent": 950})],
        [({"amount": 1000, "amountSpent": 901}, {"amount": 1000, "amountSpent": 990}), ({"amount": 1000}, {"amount": 1000})],
    ),
    (
        UPDATED,
        "new.amount - old.amount >= 1000",
        [({"amount": Decimal("0.5")}, {"amount": Decimal("1000.5")})],
        [({"amount": 1}, {"amount": Decimal("1000.99")}), ({}, {"amount": 5000})],
    ),
    ("configuration.commitment.created", "new.amount >= 5000", [(None, {"amount": 5000})], [(None, {"amount": Decimal("4999.99")})]),
    (
        "billing.balanceamount.updated",
        DEPLETED,
        [({"amount": 5}, {"amount": Decimal("0.00"), "transactionTypeId": "promotion"})],
        [({"amount": 5}, {"amount": 0, "transactionTypeId": "refund"}), ({"amount": 5}, {"amount": 1, "transactionTypeId": "promotion"})],
    ),
]  # fmt: skip
TYPES = {
    UPDATED: "commitment",
    "configuration.commitment.created": "commitment",
    "billing.balanceamount.updated": "balanceTransaction",
    "billing.billjob.updated": "billJob",
}


def changed(world: World, name: str, old: Document | None, new: Document, version: int = 2) -> Change:
    stamp = instants.to_text(world.now)
    sides: list[Any] = [
        None if side is None else {"id": "x", "version": version - 1 + at, "dtLastModified": stamp, **side}
        for at, side in enumerate((old, new))
    ]
    change = Change.between(world.org, TYPES[name], "x", *sides, world.now)
    assert change
    return change


def firings(world: World) -> int:
    return sum(event.type == "Notification" for event in world.events.events())


@pytest.mark.parametrize(("name", "calculation", "firing", "silent"), EXAMPLES)
def test_a_published_rule_is_valid_and_fires_when_it_says(
    name: str,
    calculation: str,
    firing: list[tuple[Document | None, Document]],
    silent: list[tuple[Document | None, Document]],
) -> None:
    check(calculation, fields_of(name))
    for cases, expected in ((firing, 1), (silent, 0)):
        for old, new in cases:
            world = World()
            world.rule(event=name, alwaysFireEvent=False, calculation=calculation)
            record_change(changed(world, name, old, new), world.stores())
            assert firings(world) == expected, (old, new)


def test_the_published_rule_without_a_calculation_fires_on_every_update_of_a_job() -> None:
    world = World()
    world.rule(event="billing.billjob.updated", alwaysFireEvent=True)
    for version in (2, 3):
        record_change(changed(world, "billing.billjob.updated", {}, {}, version), world.stores())
        world.clock.advance(seconds=1)
    assert firings(world) == 2


SPENT = (None, 400, 850, 899, 930, 960, 990)


def crossing(world: World) -> list[Change]:
    """What a commitment of 1,000 has spent, from bill to bill: it passes 900 once."""
    world.rule(event=UPDATED, alwaysFireEvent=False, calculation=CROSSED_90_PERCENT)
    for name in ("first", "second"):
        world.webhook(name, url=f"https://{name}/")
        world.link(webhook=name)
    states: list[Document] = [{"amount": 1000, **({} if spent is None else {"amountSpent": spent})} for spent in SPENT]
    found = []
    for version, (old, new) in enumerate(pairwise(states), start=2):
        found.append(changed(world, UPDATED, old, new, version))
        world.clock.advance(seconds=1)
    return found


def test_a_crossing_is_told_of_once_however_often_the_stream_brings_it() -> None:
    world = World()
    changes = crossing(world)
    for first in (0, 0, 3, 2, 5):
        for change in changes[first:]:
            record_change(change, world.stores())
        world.work()
    assert firings(world) == 1
    assert [run["status"] for run in world.runs()] == ["COMPLETE"] * 2
    assert sorted(url for url, _, _ in world.sender.sent) == ["https://first/", "https://second/"]


class Meeting:
    """A store between whose calls another worker does the same work from its beginning to its end, once."""

    def __init__(self, target: Any, meet: Any) -> None:
        self._target, self._meet = target, meet

    def __getattr__(self, name: str) -> Any:
        self._meet()
        return getattr(self._target, name)


@pytest.mark.parametrize("at", range(1, 14))
def test_two_workers_with_the_same_records_tell_of_a_crossing_once(at: int) -> None:
    world = World()
    changes = crossing(world)
    calls = 0

    def meet() -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            for change in changes:
                record_change(change, world.stores())

    whole = world.stores()
    meeting: Stores = replace(
        whole,
        entities=Meeting(whole.entities, meet),
        events=Meeting(whole.events, meet),
        deliveries=Meeting(whole.deliveries, meet),
    )
    for change in changes[3:]:  # from the crossing on
        record_change(change, meeting)
    assert calls >= at
    world.work()
    assert firings(world) == 1
    assert [run["status"] for run in world.runs()] == ["COMPLETE"] * 2
    assert len(world.sender.sent) == 2

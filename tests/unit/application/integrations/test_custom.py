"""Changes of entities on their way to an endpoint of a customer: none lost, in order, each with one delivery id."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.fakes.connectors import answer
from tests.fakes.mappings import FakeFieldMappings
from tests.unit.application.integrations.world import World
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.adapters.connectors.custom import CustomConnector, over_https
from usance.application.integrations.connector_courier import ConnectorCourier
from usance.application.notifications.configurations import SEALED, put_configuration
from usance.application.notifications.deliver_run import Deliverer, deliver_run
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.systems import system_of
from usance.domain.notifications.delivery import Fault
from usance.resources import instants, wire
from usance.resources.wire import Document

URL = "https://example.com/changes"
SIGNED = {"type": "M3TER_SIGNED_REQUEST", "apiKey": "me", "secret": "shared secret"}


class CustomWorld(World):
    """A world whose configurations name the endpoint of a customer."""

    def deliverer(self) -> Deliverer:
        whole = super().deliverer()
        connectors = {"custom": cast("ConnectorCourier", whole.courier).connectors["stripe"]}
        courier = replace(cast("ConnectorCourier", whole.courier), connectors=connectors, find_system=system_of)
        return replace(whole, courier=courier)

    def configure(self, id_: str = "configuration", **more: Any) -> Document:
        configuration = super().configure(id_, **more)
        sealed = self.secrets.seal(wire.dumps(SIGNED).decode(), context=id_)
        put = put_configuration({**configuration, "version": 2}, 1)
        self.entities.commit(self.org, [replace(put, private={SEALED: sealed})])
        return configuration


@pytest.fixture
def world() -> World:
    return configured()


def configured() -> World:
    world = CustomWorld()
    world.make = lambda outside: CustomConnector(
        FakeFieldMappings(), outside.clock, over_https(outside.http, outside.clock, "X-M3ter-")
    )
    world.configure(entityType="Account", destination="Custom", configData={"url": URL})
    world.http.answers = lambda _: answer()
    return world


def made() -> World:
    """A change that waits to be sent."""
    world = configured()
    world.tell("account", None, account(world, "Acme", 1))
    world.fuse = Fuse()
    return world


def account(world: World, name: str, version: int) -> dict[str, Any]:
    return {"id": "a-1", "version": version, "name": name, "dtLastModified": instants.to_text(world.clock.now())}


def changes(world: World) -> list[tuple[str, str, str]]:
    """What the endpoint was asked, and under which delivery id."""
    told = [asked.document for asked in world.http.asked]
    return [(one["change"], (one.get("new") or one["old"])["name"], one["id"]) for one in told]


def test_changes_of_an_entity_come_in_order_and_each_once(world):
    first = account(world, "Acme", 1)
    world.tell("account", None, first)
    second = account(world, "Acme Inc", 2)
    world.tell("account", first, second)
    world.tell("account", second, None)
    world.work()

    assert [change[:2] for change in changes(world)] == [
        ("created", "Acme"),
        ("updated", "Acme Inc"),
        ("deleted", "Acme Inc"),
    ]
    assert len({id_ for *_, id_ in changes(world)}) == 3
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}


def test_an_endpoint_that_was_down_gets_every_change_in_order_later(world):
    world.http.answers = lambda _: answer(503) if len(world.http.asked) <= 3 else answer()
    first = account(world, "Acme", 1)
    world.tell("account", None, first)
    world.tell("account", first, account(world, "Acme Inc", 2))
    world.work()

    told = changes(world)
    assert [change for change, *_ in told] == ["created"] * 4 + ["updated"]
    assert len({id_ for *_, id_ in told}) == 2
    assert {run["status"] for run in world.runs()} == {"COMPLETE"}


def test_a_change_of_which_no_answer_came_is_sent_again_under_its_delivery_id(world):
    def lost(_: object) -> Any:
        if len(world.http.asked) == 1:
            raise ConnectorError(Fault.TIMEOUT, "")
        return answer()

    world.http.answers = lost
    world.tell("account", None, account(world, "Acme", 1))
    world.work()

    first, second = world.http.asked
    assert first.body == second.body


def test_what_an_endpoint_refuses_by_credentials_fails_the_run(world):
    world.http.answers = lambda _: answer(401)
    world.tell("account", None, account(world, "Acme", 1))
    world.work()

    assert [run["status"] for run in world.runs()] == ["AUTH_FAILED"]


def test_a_change_told_twice_is_sent_once(world):
    made = account(world, "Acme", 1)
    for _ in range(2):
        world.tell("account", None, made)
    world.work()

    assert len(world.http.asked) == 1


def test_a_worker_killed_anywhere_loses_no_change_and_repeats_only_its_delivery_id():
    whole = made()
    whole.work()
    assert whole.fuse.steps > 10
    for step in range(1, whole.fuse.steps + 1):
        world = made()
        world.fuse = Fuse(step)
        [(message, _)] = world.queue.take()
        with suppress(Killed):
            deliver_run(message["orgId"], message["runId"], world.deliverer())
        world.clock.advance(minutes=30)
        world.queue.send([message])
        world.work()

        assert len({id_ for *_, id_ in changes(world)}) == 1, step
        assert [run["status"] for run in world.runs()] == ["COMPLETE"], step

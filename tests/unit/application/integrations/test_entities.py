"""Changes of entities other than bills go to an external system in their order."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.application.integrations import world as stand
from tests.unit.application.integrations.test_bills import ALL, CALLER
from tests.unit.application.integrations.world import World
from usance.application.integrations import start_runs as module
from usance.application.notifications.read_runs import get_run_log
from usance.application.ports.entities import Put
from usance.application.ports.events import EventQuery
from usance.domain.access import Statement
from usance.domain.integrations.faults import ConnectorError
from usance.domain.kernel.errors import ForbiddenError
from usance.domain.notifications.delivery import Fault
from usance.resources.wire import Document


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "system_of", lambda _: stand.SYSTEM)
    world = World()
    world.configure(entityType="account")
    return world


def account(version: int, **more: object) -> Document:
    return {
        "id": "a",
        "version": version,
        "name": f"Acme {version}",
        "apiKey": "hush",
        "dtLastModified": f"{version}",
        **more,
    }


def test_a_change_is_brought_with_what_it_was_before_and_without_secrets(world: World) -> None:
    world.tell("account", account(1), account(2))
    world.work()
    [job] = world.system.entities
    assert (job.entity_type, job.kind, job.entity["name"]) == ("Account", "updated", "Acme 2")
    assert job.old
    assert job.old["name"] == "Acme 1"
    assert "apiKey" not in job.entity
    [run] = world.runs()
    assert (run["status"], run["externalId"], run["entityType"]) == ("COMPLETE", "ext_a", "Account")


def test_the_reference_that_the_system_gave_is_known_from_then_on_and_forgotten_with_the_entity(world: World) -> None:
    world.tell("account", None, account(1))
    world.work()
    [mapping] = world.mappings()
    assert (mapping["m3terEntity"], mapping["m3terId"], mapping["externalId"]) == ("Account", "a", "ext_a")
    world.tell("account", account(1), account(2))
    world.tell("account", account(2), None)
    world.work()
    assert [(job.kind, job.external_id) for job in world.system.entities] == [
        ("created", None),
        ("updated", "ext_a"),
        ("deleted", "ext_a"),
    ]
    assert world.mappings() == []


def test_changes_of_one_entity_wait_for_one_another(world: World) -> None:
    world.system.failures = [ConnectorError(Fault.PASSING, "down")] * 2
    for version in range(1, 4):
        world.tell("account", account(version), account(version + 1))
    world.work()
    assert [job.entity["version"] for job in world.system.entities] == [2, 3, 4]
    assert len({job.idempotency_key for job in world.system.entities}) == 3


def test_a_change_whose_event_has_expired_is_not_sent(world: World) -> None:
    world.tell("account", account(1), account(2))
    world.clock.advance(days=29)
    world.work()
    assert [run["status"] for run in world.runs()] == ["DISABLED"]
    assert world.runs()[0]["error"] == "the event has expired"


def test_an_account_that_is_restricted_is_not_sent(world: World) -> None:
    world.edit(configData={"restrictedAccountIds": ["a"]})
    world.tell("account", account(1), account(2))
    assert world.runs() == []


def test_a_change_that_waits_is_not_sent_once_its_account_is_restricted(world: World) -> None:
    world.tell("account", account(1), account(2))
    world.edit(configData={"restrictedAccountIds": ["a"]})
    world.work()
    assert world.system.entities == []
    assert [run["status"] for run in world.runs()] == ["COMPLETE"]


def transaction(version: int) -> Document:
    return {"id": "t", "version": version, "balanceId": "b", "amount": 5, "dtLastModified": f"{version}"}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, True),
        ({"accountIds": ["a"]}, True),
        ({"accountIds": ["other"]}, False),
        ({"restrictedAccountIds": ["a"]}, False),
        ({"restrictedAccountIds": ["other"]}, True),
    ],
)
def test_a_transaction_is_sent_as_the_account_of_its_balance_is(
    world: World, options: dict[str, Any], sent: bool
) -> None:
    world.edit(configData=options, entityType="BalanceTransaction")
    world.entities.commit(world.org, [Put("balance", {"id": "b", "version": 1, "accountId": "a"})])
    world.tell("balanceTransaction", None, transaction(1))
    assert len(world.runs()) == sent
    assert [run["delivery"]["accountId"] for run in world.runs()] == ["a"] * sent
    query = EventQuery({"accountId": "a"})
    assert len(world.events.list_page(world.org, query, page_size=10, next_token=None).data) == 1


def may_read_log(world: World, denied: str) -> bool:
    """Whether the log of the only run is open to whoever is denied `denied`."""
    deny = Statement("deny", ("all",), (denied,))
    try:
        get_run_log(replace(CALLER, statements=(ALL, deny)), world.runs()[0]["id"], world.entities, world.events)
    except ForbiddenError:
        return False
    return True


def test_the_log_of_what_lies_in_a_denied_entity_is_denied(world: World) -> None:
    world.edit(entityType="BalanceTransaction")
    world.tell("balanceTransaction", None, transaction(1))
    world.work()
    world.clock.advance(days=30)  # when its event is gone
    assert may_read_log(world, "billing:balance/item/other")
    assert not may_read_log(world, "billing:balance/item/b")
    assert not may_read_log(world, "config:balanceTransaction/item/t")


@pytest.mark.parametrize(("options", "sent"), [({}, True), ({"restrictedAccountIds": ["other"]}, False)])
def test_a_transaction_that_went_with_its_balance_is_told_where_no_account_is_restricted(
    world: World, options: dict[str, Any], sent: bool
) -> None:
    world.edit(configData=options, entityType="BalanceTransaction")
    world.tell("balanceTransaction", transaction(1), None)
    assert len(world.runs()) == sent


def test_the_bands_of_a_pricing_are_sent(world: World) -> None:
    world.edit(entityType="PricingBand")
    band = {"id": "band", "lowerLimit": 0, "unitPrice": 1}
    world.tell("pricing", None, {"id": "p", "version": 1, "dtLastModified": "1", "pricingBands": [band]})
    world.work()
    assert not may_read_log(world, "config:pricing/item/p")
    [job] = world.system.entities
    assert (job.entity_type, job.kind, job.entity["unitPrice"], job.entity["pricingId"]) == (
        "PricingBand",
        "created",
        1,
        "p",
    )

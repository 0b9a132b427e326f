"""Somebody sends bills, or other entities, to an external system."""

import pytest

from tests.unit.application.integrations.test_bills import CALLER
from tests.unit.application.integrations.world import World
from tests.unit.application.notifications.delivering import ORG
from usance.application.integrations.send_now import send_now
from usance.application.ports.entities import Put
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import ForbiddenError, InvalidInputError, NotFoundError
from usance.resources.wire import Document


@pytest.fixture
def world() -> World:
    world = World()
    world.bill(status="APPROVED")
    world.configure()
    world.map()
    return world


def send(world: World, *ids: str, id_: str = "configuration", caller: Caller = CALLER) -> list[Document]:
    return send_now(caller, id_, {"entityIds": list(ids)}, world.stores(), world.bills)


def test_a_bill_that_was_there_before_the_integration_is_sent(world: World) -> None:
    [run] = send(world, "bill")
    assert (run["status"], run["entityType"], run["entityId"]) == ("WAITING", "Bill", "bill")
    assert run["createdBy"] == CALLER.audit_name
    assert "delivery" not in run
    world.work()
    assert [one["status"] for one in world.runs()] == ["COMPLETE"]
    assert len(world.system.invoices) == 1


def test_a_bill_that_was_sent_and_is_deleted_meanwhile_is_left_to_the_run_of_its_deletion(world: World) -> None:
    send(world, "bill")
    world.work()
    world.clock.advance(seconds=1)
    send(world, "bill")
    world.delete_bill()
    world.work()
    assert [one["status"] for one in world.runs()] == ["COMPLETE"] * 3
    assert [one["status"] for one in world.system.invoices.values()] == ["void"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"restrictedAccountIds": ["account"]}, "account of Bill bill"),
        ({"onlySendBillOnApproval": True}, "not approved"),
    ],
)
def test_what_the_configuration_does_not_send_is_refused(world: World, options: Document, named: str) -> None:
    world.edit(configData=options)
    world.bill(status="PENDING")
    before = len(world.runs())
    with pytest.raises(InvalidInputError, match=named):
        send(world, "bill")
    assert len(world.runs()) == before


def test_nothing_is_sent_when_one_of_the_bills_is_not_there(world: World) -> None:
    with pytest.raises(InvalidInputError, match="no Bill nowhere"):
        send(world, "bill", "nowhere")
    assert world.runs() == []


def test_an_entity_is_sent_as_it_is_now() -> None:
    world = World()
    world.configure(entityType="ACCOUNT")
    account = {"id": "account", "version": 3, "name": "Acme", "dtLastModified": "2026-01-01T00:00:00Z"}
    world.entities.commit(ORG, [Put("account", account)])
    world.edit(destination="Salesforce")
    [run] = send(world, "account")
    assert (run["entityType"], run["entityId"]) == ("Account", "account")
    world.work()
    [job] = world.system.entities
    assert (job.kind, job.entity["name"], job.old) == ("updated", "Acme", None)


def test_what_no_connector_takes_is_refused(world: World) -> None:
    world.edit(destination="Abacus")
    with pytest.raises(InvalidInputError, match="no connector that takes Bill to Abacus"):
        send(world, "bill")


def test_only_who_may_change_the_configuration_sends(world: World) -> None:
    with pytest.raises(ForbiddenError):
        send(world, "bill", caller=Caller(ORG, "me", "SERVICE_USER", ()))


def test_nobody_learns_of_a_bill_that_is_denied_to_them(world: World) -> None:
    denied = Statement("deny", ("config:retrieve",), ("config:bill/item/bill",))
    caller = Caller(ORG, "me", "SERVICE_USER", (*CALLER.statements, denied))
    with pytest.raises(ForbiddenError):
        send(world, "bill", caller=caller)
    assert world.runs() == []


def test_nobody_learns_of_a_transaction_whose_balance_is_denied_to_them() -> None:
    world = World()
    world.configure(entityType="BalanceTransaction")
    world.edit(destination="Salesforce")
    transaction = {"id": "t", "version": 1, "balanceId": "b", "dtLastModified": "2026-01-01T00:00:00Z"}
    world.entities.commit(ORG, [Put("balanceTransaction", transaction)])
    denied = Statement("deny", ("config:retrieve",), ("billing:balance/item/b",))
    with pytest.raises(ForbiddenError):
        send(world, "t", caller=Caller(ORG, "me", "SERVICE_USER", (*CALLER.statements, denied)))
    assert len(send(world, "t")) == 1


def test_a_configuration_must_be_there_and_enabled(world: World) -> None:
    with pytest.raises(NotFoundError):
        send(world, "bill", id_="nowhere")
    world.edit(enabled=False)
    with pytest.raises(InvalidInputError, match="enable it first"):
        send(world, "bill")

"""Bills and the credits they draw on, in one transaction: on every store of bills, whoever comes in between."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.contract.stores import DYNAMODB_TARGETS
from tests.fakes.bills import FakeBillRepository
from tests.fakes.clock import FrozenClock
from tests.fakes.entities import FakeEntityRepository
from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Killed
from usance.adapters.dynamodb.bills import DynamoBillRepository
from usance.adapters.dynamodb.entities import DynamoEntityRepository
from usance.application.billing.run_message import run_message
from usance.application.ports.bills import BillRepository
from usance.application.ports.entities import Delete, EntityRepository, Put, StaleGuardError
from usance.domain.kernel.errors import InvalidInputError, VersionConflictError
from usance.resources.wire import Document

ORG = "11111111-1111-7111-8111-111111111111"
Stores = tuple[EntityRepository, BillRepository]


@pytest.fixture(params=["fake", *DYNAMODB_TARGETS])
def stores(request: pytest.FixtureRequest, fresh_table: Callable[[str, str], tuple[Any, str]]) -> Stores:
    clock = FrozenClock()
    if request.param == "fake":
        entities = FakeEntityRepository(clock)
        return entities, FakeBillRepository(entities=entities)
    client, table = fresh_table(request.param, "EntitiesTable")
    return DynamoEntityRepository(client, table, clock), DynamoBillRepository(client, table, clock)


@pytest.fixture
def world(stores: Stores) -> World:
    world = World(real=stores)
    world.configure(timezone="UTC", creditApplicationOrder=None, allowNegativeBalances=False, billPrefix="N")
    return world


def balance(world: World, account: dict[str, Any], amount: int) -> str:
    period = {"startDate": "2025-01-01T00:00:00Z", "endDate": "2027-01-01T00:00:00Z"}
    made = world.org.make("balance", accountId=account["id"], **period)
    assert world.org.client.post(f"/balances/{made['id']}/transactions", {"amount": amount}).status == 200
    return str(made["id"])


def left(world: World, balance_id: str) -> Any:
    return world.org.client.get(f"/balances/{balance_id}").json["amount"]


def drawn(world: World, balance_id: str) -> dict[str, Any]:
    """What each bill has drawn, by the ledger."""
    found = world.org.client.get(f"/balances/{balance_id}/transactions").json["data"]
    return {one["entityId"]: -one["amount"] for one in found if one["entityType"] == "BILL"}


def header(bill_id: str, version: int = 1) -> Document:
    days = dict.fromkeys(("billDate", "endDate", "externalInvoiceDate"), "2026-01-01")
    return {"id": bill_id, "version": version, "accountId": "acme", "status": "PENDING", "locked": False, **days}


def note(version: int, id_: str = "note", **more: Any) -> Document:
    return {"id": id_, "version": version, **more}


def test_entities_beside_a_bill_change_with_it_or_not_at_all(stores: Stores) -> None:
    entities, bills = stores
    entities.commit(ORG, [Put("note", note(1), indexed={"accountId": ["acme"]})])
    first, second = "11111111-0000-8000-8000-000000000001", "11111111-0000-8000-8000-000000000002"

    def create(bill_id: str, beside: Sequence[Put | Delete]) -> None:
        bills.create(ORG, header(bill_id), [{"id": "line"}], private={}, numbering=None, beside=beside)

    moved = [Put("note", note(2), 1, indexed={"accountId": ["acme"]}), Put("note", note(1, "other"))]
    create(first, moved)
    assert [entities.get(ORG, "note", id_) for id_ in ("note", "other")] == [note(2), note(1, "other")]
    assert list(entities.list_all(ORG, "note", filters={"accountId": ["acme"]})) == [note(2)]
    with pytest.raises(VersionConflictError):
        create(second, [Put("note", note(2), 1)])
    assert bills.get(ORG, second) is None
    with pytest.raises(VersionConflictError):
        create(first, [Put("note", note(3), 2)])
    with pytest.raises(VersionConflictError):
        bills.replace(ORG, header(first, 2), expected_version=1, line_items=[], beside=[Put("note", note(2), 1)])
    assert (bills.get(ORG, first), list(bills.line_items(ORG, first))) == (header(first), [{"id": "line"}])
    bills.replace(
        ORG, header(first, 2), expected_version=1, beside=[Put("note", note(3), 2), Delete("note", "other", 1)]
    )
    assert (entities.get(ORG, "note", "note"), entities.get(ORG, "note", "other")) == (note(3), None)
    with pytest.raises(VersionConflictError):
        bills.delete(ORG, first, 2, beside=[Put("note", note(3), 2)])
    assert bills.get(ORG, first) == header(first, 2)
    bills.delete(ORG, first, 2, beside=[Put("note", note(4), 3)])
    assert (bills.get(ORG, first), entities.get(ORG, "note", "note")) == (None, note(4))


def test_a_bill_changes_only_while_its_guard_is_as_it_was_seen(stores: Stores) -> None:
    entities, bills = stores
    seen = replace(entities.read_guard(ORG, "lock"), holds=True)
    bills.create(ORG, header("bill"), [], private={}, numbering=None, guards=[seen])
    bills.replace(ORG, header("bill", 2), expected_version=1, guards=[seen])
    entities.commit(ORG, [Put("note", note(1), guards=[entities.read_guard(ORG, "lock")])])
    with pytest.raises(StaleGuardError):
        bills.create(ORG, header("other"), [], private={}, numbering=None, guards=[seen])
    with pytest.raises(StaleGuardError):
        bills.replace(ORG, header("bill", 3), expected_version=2, guards=[seen])
    with pytest.raises(StaleGuardError):
        bills.delete(ORG, "bill", 2, guards=[seen])
    assert (bills.get(ORG, "bill"), bills.get(ORG, "other")) == (header("bill", 2), None)
    now = replace(entities.read_guard(ORG, "lock"), holds=True)
    bills.delete(ORG, "bill", 2, guards=[now])
    assert (now.seen, bills.get(ORG, "bill")) == (1, None)


def test_a_bill_with_more_beside_it_than_a_transaction_holds_is_refused(stores: Stores) -> None:
    entities, bills = stores
    many = [Put("note", note(1, f"note-{n}")) for n in range(100)]
    with pytest.raises(InvalidInputError, match="draws, or drew, on more commitments and balances"):
        bills.create(ORG, header("bill"), [], private={}, numbering=None, beside=many)
    assert (bills.get(ORG, "bill"), entities.get(ORG, "note", "note-0")) == (None, None)


class Together:
    """A store whose lists of balances wait for each other once, so that all who ask have read the same."""

    def __init__(self, entities: EntityRepository, rivals: int) -> None:
        self.entities, self.barrier = entities, threading.Barrier(rivals)
        self.met = threading.local()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entities, name)

    def list_all(self, org_id: str, type_: str, *, filters: Any) -> Sequence[Document]:
        found = self.entities.list_all(org_id, type_, filters=filters)
        if type_ == "balance" and not getattr(self.met, "done", False):
            self.met.done = True
            self.barrier.wait(timeout=60)
        return found


def test_two_bills_at_once_never_spend_the_same_credit_twice(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 60})
    held = balance(world, account, 100)
    jobs = [world.post("/billjobs", {"lastDateInBillingPeriod": day}) for day in ("2025-11-30", "2025-12-31")]
    messages = [message for message, _ in world.queue.take()]
    for message in messages:
        run_message(world.bench, {}, message)
    together = Together(world.org.store, rivals=2)
    object.__setattr__(world.stores, "entities", together)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: run_message(world.bench, {}, one[0]), world.queue.take()))
    object.__setattr__(world.stores, "entities", together.entities)
    bills = {bill["id"]: bill for job in jobs for bill in world.all_bills_of(world.get(f"/billjobs/{job['id']}"))}
    assert sorted(bill["billTotal"] for bill in bills.values()) == [0, 20]
    assert left(world, held) == 0
    assert drawn(world, held) == {id_: 60 - bill["billTotal"] for id_, bill in bills.items()}


@dataclass
class Dying:
    """A store of bills whose process dies when it stores a bill: before the store has it, or before it hears so."""

    bills: BillRepository
    before: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bills, name)

    def create(self, *args: Any, **kwargs: Any) -> Document:
        if not self.before:
            self.bills.create(*args, **kwargs)
        raise Killed


def test_a_bill_whose_worker_dies_draws_once(world: World) -> None:
    account = world.subscribe()
    held = balance(world, account, 15)
    prepaid = world.org.make("commitment", accountId=account["id"], amount=2, startDate="2025-01-01")["id"]
    job = world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    run_message(world.bench, {}, world.queue.take()[0][0])
    [(message, _)] = world.queue.take()
    for before in (True, False):
        dying = replace(world.bench, stores=replace(world.stores, bills=Dying(world.stores.bills, before=before)))
        with pytest.raises(Killed):
            run_message(dying, {}, message)
        assert left(world, held) == (15 if before else 0)
    run_message(world.bench, {}, message)
    bill = world.bill(world.get(f"/billjobs/{job['id']}"))
    assert (bill["billTotal"], bill["version"], bill["sequentialInvoiceNumber"]) == (3, 1, "N1")
    assert world.org.client.get(f"/commitments/{prepaid}").json["amountSpent"] == 2
    assert (left(world, held), drawn(world, held)) == (0, {bill["id"]: 15})


def test_a_bill_draws_on_more_credits_and_has_more_fees_and_charges_than_one_transaction_holds(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 8})
    for _ in range(12):
        world.org.make("charge", accountId=account["id"], billDate="2026-01-01", amount=1)
    held = [balance(world, account, 1) for _ in range(20)]
    terms = {"startDate": "2025-12-01", "endDate": "2026-01-01", "amount": 5, "lineItemTypes": ["MINIMUM_SPEND"]}
    prepaid = [
        world.org.make("commitment", accountId=account["id"], billingPlanId=world.plan["id"], **terms)["id"]
        for _ in range(30)
    ]
    bill = world.bill(world.run())
    assert (bill["billTotal"], {left(world, one) for one in held}) == (150, {0})
    assert {drawn(world, one)[bill["id"]] for one in held} == {1}
    for one in (prepaid[0], prepaid[-1]):
        assert [found["id"] for found in world.get("/lineitems", commitmentId=one)["data"]]
    assert world.bill(world.run())["version"] > bill["version"]
    assert world.client.call("DELETE", f"/bills/{bill['id']}").status == 200
    assert {left(world, one) for one in held} == {1}
    assert not any(drawn(world, one) for one in held)
    assert world.get("/lineitems", commitmentId=prepaid[0])["data"] == []


def test_a_commitment_that_bills_draw_on_is_not_deleted(world: World) -> None:
    account = world.subscribe()
    dates = {"startDate": "2025-11-01", "endDate": "2026-11-01"}
    body = {"accountId": account["id"], "currency": "USD", "amount": 1000, "amountPrePaid": 1000, **dates}
    commitment = world.org.make("commitment", **body)
    bill = world.bill(world.run())
    path = f"/commitments/{commitment['id']}"
    refused = world.org.client.delete(path)
    assert (refused.status, "bill" in refused.message) == (400, True)
    world.client.delete(f"/bills/{bill['id']}")
    assert world.org.client.delete(path).status == 200


def test_a_commitment_whose_fees_are_billed_stays_with_its_account_and_currency(world: World) -> None:
    account, other = world.subscribe(), world.org.make("account")
    dates = {"startDate": "2025-11-01", "endDate": "2026-11-01", "lineItemTypes": ["MINIMUM_SPEND"]}
    made = world.org.make("commitment", accountId=account["id"], billingPlanId=world.plan["id"], **dates)
    path = f"/commitments/{made['id']}"
    world.org.make("currency", code="EUR", name="Euro")
    changed = world.org.client.put(path, {**made, "currency": "EUR"})
    assert changed.status == 200
    back = world.org.client.put(path, {**changed.json, "currency": "USD"}).json
    bill = world.bill(world.run())
    assert bill["billTotal"] == 120
    for change in ({"currency": "EUR"}, {"accountId": other["id"]}):
        refused = world.org.client.put(path, {**back, **change})
        assert (refused.status, f"{next(iter(change))} cannot change" in refused.message) == (400, True)
    raised = world.org.client.put(path, {**back, "amount": 2400})
    assert (raised.status, raised.json["changedWhenBilledTo"]) == (200, bill["endDate"])

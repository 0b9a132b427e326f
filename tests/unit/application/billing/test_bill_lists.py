"""Bills by account and by period, and line items over all bills (billing.md 12.10)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing import list_lines
from usance.application.ports import deadline


@pytest.fixture
def world() -> World:
    """Two accounts with a bill each for December 2025 and January 2026: a standing charge, and usage of one of them."""
    world = World()
    world.account = world.subscribe()  # type: ignore[attr-defined]
    world.use(world.account, "2025-12-05T00:00:00Z", 3)  # type: ignore[attr-defined]
    world.other = world.subscribe()  # type: ignore[attr-defined]
    world.run()
    world.run(lastDateInBillingPeriod="2026-01-31")
    return world


def pages(world: World, size: int, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = None
    while True:
        more = {"nextToken": token} if token else {}
        page = world.get("/lineitems", pageSize=str(size), **query, **more)
        found += page["data"]
        assert len(page["data"]) <= size
        token = page["nextToken"]
        if token is None:
            return found


def test_bills_of_an_account_are_listed(world: World) -> None:
    account = world.account["id"]  # type: ignore[attr-defined]
    bills = world.get(f"/bills/accountid/{account}", includeBillTotal="true")["data"]
    assert [bill["startDate"] for bill in bills] == ["2026-01-01", "2025-12-01"]
    assert {bill["accountId"] for bill in bills} == {account}
    other = world.other["id"]  # type: ignore[attr-defined]
    assert world.get(f"/bills/accountid/{account}", accountId=other, includeBillTotal="true")["data"] == bills


def test_bills_of_a_period_are_listed_by_its_last_day(world: World) -> None:
    bills = world.get("/bills/billingperiod/2025-12-31/MONTHLY")["data"]
    assert {bill["startDate"] for bill in bills} == {"2025-12-01"}
    assert len(bills) == 2
    assert world.get("/bills/billingperiod/2025-12-31/DAILY")["data"] == []
    assert world.get("/bills/billingperiod/2025-12-30/MONTHLY")["data"] == []


@pytest.mark.parametrize(
    ("period", "named"),
    [
        ("2025-12/MONTHLY", "lastDateInBillingPeriod"),
        ("9999-12-31/MONTHLY", "lastDateInBillingPeriod"),
        ("2025-12-31/YEARLY", "billingFrequency"),
    ],
)
def test_a_period_that_is_none_is_refused(world: World, period: str, named: str) -> None:
    for method in (world.client.get, lambda path: world.client.post(f"{path}/approve")):
        answer = method(f"/bills/billingperiod/{period}")
        assert (answer.status, named in answer.message) == (400, True)


def test_the_bills_of_a_period_are_approved_together(world: World) -> None:
    assert world.post("/bills/billingperiod/2025-12-31/MONTHLY/approve")["message"] == "Approved 2 bills"
    statuses = {(bill["startDate"], bill["status"]) for bill in world.all_bills()}
    assert statuses == {("2025-12-01", "APPROVED"), ("2026-01-01", "PENDING")}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_line_items_come_page_by_page_in_the_order_of_their_bills(world: World, size: int) -> None:
    expected = [(bill["id"], line["id"]) for bill in world.all_bills() for line in bill["lineItems"]]
    assert [(line["billId"], line["id"]) for line in pages(world, size)] == expected
    assert len(expected) == 5


def test_line_items_are_found_by_type_and_by_bill(world: World) -> None:
    charges = pages(world, 2, lineItemType="STANDING_CHARGE")
    assert len(charges) == 4
    assert {line["lineItemType"] for line in charges} == {"STANDING_CHARGE"}
    bill = world.all_bills()[0]
    assert [line["id"] for line in pages(world, 1, billId=bill["id"])] == [line["id"] for line in bill["lineItems"]]
    assert pages(world, 2, lineItemType="AD_HOC") == []
    assert pages(world, 2, commitmentId="x" * 36) == []


def test_pages_survive_bills_that_come_and_go(world: World) -> None:
    first = world.get("/lineitems", pageSize="1")
    read = [line["id"] for line in first["data"]]
    world.run(lastDateInBillingPeriod="2026-02-28")
    gone = world.all_bills()[2]
    world.client.delete(f"/bills/{gone['id']}")
    rest = world.get("/lineitems", pageSize="100", nextToken=first["nextToken"])
    ids = [*read, *(line["id"] for line in rest["data"])]
    assert len(ids) == len(set(ids))


def test_a_request_reads_a_number_of_bills_and_goes_on_after_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [line["id"] for line in pages(world, 100)]
    monkeypatch.setattr(list_lines, "BILLS_READ_MAX", 1)
    assert [line["id"] for line in pages(world, 100)] == everything
    monkeypatch.setattr(deadline, "READ_FOR", timedelta(0))
    denied = [f"billing:bill/item/{bill['id']}" for bill in world.all_bills()]
    statements = [
        {"effect": "allow", "action": ["all"], "resource": ["*"]},
        {"effect": "deny", "action": ["all"], "resource": denied},
    ]
    restricted = type(world.client)(world.client.handler, world.org.id, statements)
    assert "narrow" in restricted.get("/lineitems").message


def test_a_token_of_another_list_is_refused(world: World) -> None:
    assert "nextToken" in world.client.get("/lineitems", nextToken="YWJj").message


def test_line_items_of_bills_that_are_denied_are_left_out(world: World) -> None:
    bill = world.all_bills()[0]
    statements = [
        {"effect": "allow", "action": ["all"], "resource": ["*"]},
        {"effect": "deny", "action": ["all"], "resource": [f"billing:bill/item/{bill['id']}"]},
    ]
    client = type(world.client)(world.client.handler, world.org.id, statements)
    shown = client.get("/lineitems").json["data"]
    assert bill["id"] not in {line["billId"] for line in shown}
    assert shown

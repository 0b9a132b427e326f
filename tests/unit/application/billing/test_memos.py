"""Credit and debit line items on bills (billing.md 12.11, Q20)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bill(world: World) -> dict[str, Any]:
    """A bill of 20.00 for standing charges."""
    world.account = world.subscribe()  # type: ignore[attr-defined]
    return world.bill(world.run())


def body(world: World, bill: dict[str, Any], **more: Any) -> dict[str, Any]:
    line = bill["lineItems"][0]
    product = line["productId"]
    return {
        "productId": product,
        "accountingProductId": product,
        "amount": Decimal("5.25"),
        "description": "Outage on 3 December",
        "referencedBillId": bill["id"],
        "referencedLineItemId": line["id"],
        "servicePeriodStartDate": "2025-12-01T00:00:00Z",
        "servicePeriodEndDate": "2026-01-01T00:00:00Z",
        **more,
    }


def total(world: World, bill: dict[str, Any]) -> Decimal:
    return Decimal(world.get(f"/bills/{bill['id']}")["billTotal"])


def test_a_credit_lowers_the_bill_and_a_debit_raises_it(world: World, bill: dict[str, Any]) -> None:
    credit = world.post(f"/bills/{bill['id']}/creditlineitems", body(world, bill))
    assert (credit["version"], credit["lineItemType"], credit["amount"]) == (1, "CREDIT_MEMO", Decimal("5.25"))
    assert total(world, bill) == Decimal("14.75")
    debit = world.post(f"/bills/{bill['id']}/debitlineitems", body(world, bill, amount=1))
    assert debit["lineItemType"] == "DEBIT_MEMO"
    after = world.get(f"/bills/{bill['id']}")
    assert after["billTotal"] == Decimal("15.75")
    assert sum(line["convertedSubtotal"] for line in after["lineItems"]) == after["billTotal"]
    assert [line["sequenceNumber"] for line in after["lineItems"]] == [1, 2, 3]
    shown = after["lineItems"][1]
    assert shown["id"] == credit["id"]
    assert (shown["lineItemType"], shown["subtotal"]) == ("CREDIT_MEMO", Decimal("-5.25"))
    assert shown["referencedLineItemId"] == bill["lineItems"][0]["id"]
    assert "memo" not in shown
    listed = world.get(f"/bills/{bill['id']}/lineitems")["data"]
    assert [line["id"] for line in listed] == [line["id"] for line in after["lineItems"]]


def test_only_a_part_may_be_applied_on_the_bill(world: World, bill: dict[str, Any]) -> None:
    world.post(f"/bills/{bill['id']}/creditlineitems", body(world, bill, amount=8, amountToApplyOnBill=3))
    assert total(world, bill) == 17
    refused = world.client.post(
        f"/bills/{bill['id']}/creditlineitems", body(world, bill, amount=8, amountToApplyOnBill=9)
    )
    assert (refused.status, total(world, bill)) == (400, 17)
    assert "amountToApplyOnBill" in refused.message


def test_it_is_read_listed_replaced_and_deleted(world: World, bill: dict[str, Any]) -> None:
    path = f"/bills/{bill['id']}/creditlineitems"
    made = [world.post(path, body(world, bill, amount=n)) for n in (1, 2, 3)]
    assert world.get(f"{path}/{made[0]['id']}") == made[0]
    first = world.get(path, pageSize=2)
    assert [memo["id"] for memo in first["data"]] == [made[2]["id"], made[1]["id"]]
    last = world.get(path, pageSize=2, nextToken=first["nextToken"])
    assert ([memo["id"] for memo in last["data"]], last["nextToken"]) == ([made[0]["id"]], None)
    assert world.get(f"/bills/{bill['id']}/debitlineitems")["data"] == []

    changed = world.put(f"{path}/{made[1]['id']}", body(world, bill, amount=7, version=1))
    assert (changed["version"], changed["amount"], changed["dtCreated"]) == (2, 7, made[1]["dtCreated"])
    assert total(world, bill) == 20 - 1 - 7 - 3
    stale = world.client.put(f"{path}/{made[1]['id']}", body(world, bill, amount=9, version=1))
    assert stale.status == 409
    assert world.client.put(f"{path}/{made[1]['id']}", body(world, bill)).status == 400

    gone = world.client.delete(f"{path}/{made[1]['id']}")
    assert (gone.status, gone.json) == (200, changed)
    assert total(world, bill) == 16
    assert world.client.get(f"{path}/{made[1]['id']}").status == 404
    assert world.client.delete(f"{path}/{made[1]['id']}").status == 404
    assert world.client.get(f"/bills/{bill['id']}/debitlineitems/{made[0]['id']}").status == 404


def test_memos_stay_when_the_bill_is_calculated_again(world: World, bill: dict[str, Any]) -> None:
    credit = world.post(f"/bills/{bill['id']}/creditlineitems", body(world, bill))
    world.use(world.account, "2025-12-10T00:00:00Z", 100)  # type: ignore[attr-defined]
    world.run()
    after = world.get(f"/bills/{bill['id']}")
    assert after["billTotal"] == Decimal("114.75")
    assert [line["id"] for line in after["lineItems"]].index(credit["id"]) == 2
    world.post("/billjobs/recalculate", {"billIds": [bill["id"]]})
    world.drain()
    assert total(world, bill) == Decimal("114.75")
    world.client.delete(f"/bills/{bill['id']}/creditlineitems/{credit['id']}")
    world.run()
    assert total(world, bill) == 120


def test_a_memo_follows_its_bill_into_another_currency(world: World, bill: dict[str, Any]) -> None:
    world.post(f"/bills/{bill['id']}/creditlineitems", body(world, bill, amount=10))
    world.org.make("currency", code="EUR", name="Euro")
    world.configure(currencyConversions=[{"from": "USD", "to": "EUR", "multiplier": Decimal("0.5")}])
    account = world.org.client.get(f"/accounts/{bill['accountId']}").json
    world.org.client.put(f"/accounts/{bill['accountId']}", {**account, "currency": "EUR"})
    world.run()
    after = world.get(f"/bills/{bill['id']}")
    assert (after["currency"], after["billTotal"]) == ("EUR", 5)
    memo = after["lineItems"][-1]
    assert (memo["subtotal"], memo["conversionRate"], memo["convertedSubtotal"]) == (-10, Decimal("0.5"), -5)


def test_an_approved_bill_needs_approval_again(world: World, bill: dict[str, Any]) -> None:
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.post(f"/bills/{bill['id']}/debitlineitems", body(world, bill))
    after = world.get(f"/bills/{bill['id']}")
    assert after["status"] == "PENDING"
    assert "dtApproved" not in after


def test_a_locked_bill_takes_none_and_loses_none(world: World, bill: dict[str, Any]) -> None:
    path = f"/bills/{bill['id']}/creditlineitems"
    credit = world.post(path, body(world, bill))
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    before = world.get(f"/bills/{bill['id']}")
    answers = [
        world.client.post(path, body(world, bill)),
        world.client.put(f"{path}/{credit['id']}", body(world, bill, version=1)),
        world.client.delete(f"{path}/{credit['id']}"),
    ]
    assert {answer.status for answer in answers} == {400}
    assert all("locked" in answer.message for answer in answers)
    assert world.get(f"/bills/{bill['id']}") == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": -1},
        {"description": ""},
        {"productId": "0190a5d0-ac96-774b-bcce-b302099a8057"},
        {"accountingProductId": "0190a5d0-ac96-774b-bcce-b302099a8057"},
        {"creditReasonId": "0190a5d0-ac96-774b-bcce-b302099a8057"},
        {"reasonId": "0190a5d0-ac96-774b-bcce-b302099a8057"},
        {"referencedBillId": "0190a5d0-ac96-774b-bcce-b302099a8057"},
        {"referencedLineItemId": "0190a5d0-ac96-774b-bcce-b302099a8057"},
        {"servicePeriodEndDate": "2025-11-01T00:00:00Z"},
        {"lineItemType": "MEMO"},
    ],
)
def test_a_wrong_field_is_refused_by_name(world: World, bill: dict[str, Any], wrong: dict[str, Any]) -> None:
    refused = world.client.post(f"/bills/{bill['id']}/creditlineitems", body(world, bill, **wrong))
    assert refused.status == 400
    assert next(iter(wrong)) in refused.message
    assert total(world, bill) == 20


def test_reasons_come_from_their_picklists(world: World, bill: dict[str, Any]) -> None:
    reason = world.org.make("creditReason", name="Outage", code="outage")
    path = f"/bills/{bill['id']}/creditlineitems"
    credit = world.post(path, body(world, bill, creditReasonId=reason["id"]))
    assert credit["creditReasonId"] == reason["id"]
    assert world.get(f"/bills/{bill['id']}")["lineItems"][-1]["reasonId"] == reason["id"]
    refused = world.client.post(f"/bills/{bill['id']}/debitlineitems", body(world, bill, debitReasonId=reason["id"]))
    assert refused.status == 400


def test_the_line_that_a_memo_is_about_is_on_a_bill_of_the_account(world: World, bill: dict[str, Any]) -> None:
    world.subscribe()
    world.run()
    other = next(one for one in world.all_bills() if one["accountId"] != bill["accountId"])
    refused = world.client.post(f"/bills/{bill['id']}/creditlineitems", body(world, bill, referencedBillId=other["id"]))
    assert (refused.status, "referencedBillId" in refused.message) == (400, True)


def test_a_bill_takes_a_hundred_memos(world: World, bill: dict[str, Any]) -> None:
    path = f"/bills/{bill['id']}/debitlineitems"
    for _ in range(100):
        world.post(path, body(world, bill, amount=1))
    refused = world.client.post(path, body(world, bill, amount=1))
    assert (refused.status, total(world, bill)) == (400, 120)
    assert "100" in refused.message


def test_an_unknown_bill_is_not_found(world: World, bill: dict[str, Any]) -> None:
    path = "/bills/0190a5d0-ac96-774b-bcce-b302099a8057/creditlineitems"
    assert world.client.get(path).status == 404
    assert world.client.post(path, body(world, bill)).status == 404

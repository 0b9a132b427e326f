"""A preview is the bill that a job would make, and changes nothing (billing.md 12.8)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing import preview_bill

PREVIEWED = {"billingFrequency": "MONTHLY", "billFrequencyInterval": 1, "lastDateInBillingPeriod": "2025-12-31"}


@pytest.fixture
def world() -> World:
    return World()


def preview(world: World, account: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(world.post("/bills/preview", {"accountIds": [account["id"]], **PREVIEWED, **more}))


def test_it_is_the_bill_that_a_job_makes_and_nothing_is_stored(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", "2.5")
    before = dict(world.org.store.rows)
    previewed = preview(world, account)
    assert (world.bills.headers, world.org.store.rows, world.queue.messages) == ({}, before, [])
    assert previewed["billTotal"] == 22.5
    bill = world.bill(world.run())
    shared = previewed.keys() & bill.keys()
    assert {"lineItems", "id", "billTotal", "startDate", "dueDate", "accountCode", "status"} <= shared
    assert {name: previewed[name] for name in shared} == {name: bill[name] for name in shared}


def test_what_a_job_sets_is_set(world: World) -> None:
    account = world.subscribe()
    previewed = preview(world, account, dueDate="2026-03-01", billDate="2026-02-02")
    assert (previewed["dueDate"], previewed["billDate"]) == ("2026-03-01", "2026-02-02")


def test_memos_of_the_stored_bill_are_on_it(world: World) -> None:
    account = world.subscribe()
    bill = world.bill(world.run())
    line = bill["lineItems"][0]
    memo = {
        "productId": line["productId"],
        "accountingProductId": line["productId"],
        "referencedBillId": bill["id"],
        "referencedLineItemId": line["id"],
        "amount": 5,
        "description": "Outage",
        "servicePeriodStartDate": "2025-12-01T00:00:00Z",
        "servicePeriodEndDate": "2026-01-01T00:00:00Z",
    }
    world.post(f"/bills/{bill['id']}/creditlineitems", memo)
    previewed = preview(world, account)
    assert previewed["billTotal"] == 15
    assert [one["lineItemType"] for one in previewed["lineItems"]] == ["STANDING_CHARGE", "CREDIT_MEMO"]
    assert all("memo" not in one for one in previewed["lineItems"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"accountIds": None}, "accountIds"),
        ({"accountIds": ["a" * 36, "b" * 36]}, "accountIds"),
        ({"accountIds": ["a" * 36]}, "accountIds"),
        ({"billingFrequency": None}, "billingFrequency"),
        ({"billFrequencyInterval": None}, "billFrequencyInterval"),
        ({"billingFrequency": "DAILY"}, "billingFrequency"),
        ({"billFrequencyInterval": 3}, "every 3 MONTHLY"),
        ({"lastDateInBillingPeriod": "2020-01-31"}, "2020-01-31"),
        ({"timezone": "Nowhere/City"}, "Nowhere"),
    ],
)
def test_what_cannot_be_previewed_is_named(world: World, changes: dict[str, Any], named: str) -> None:
    account = world.subscribe()
    body = {"accountIds": [account["id"]], **PREVIEWED, **changes}
    answer = world.client.post("/bills/preview", {name: value for name, value in body.items() if value is not None})
    assert (answer.status, named in answer.message) == (400, True), answer.text


def test_a_store_that_does_not_answer_is_no_bill(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", 1)
    world.usage.outages = 1
    answer = world.client.post("/bills/preview", {"accountIds": [account["id"]], **PREVIEWED})
    assert answer.status == 503


@pytest.mark.parametrize(
    "job",
    [
        {"billDate": "2026-01-05", "dueDate": "2026-02-01", "externalInvoiceDate": "2025-12-31"},
        {"timezone": "America/New_York"},
        {"targetCurrency": "EUR", "currencyConversions": [{"from": "USD", "to": "EUR", "multiplier": 0.5}]},
    ],
    ids=str,
)
def test_it_shows_what_a_job_with_the_same_settings_makes(world: World, job: dict[str, Any]) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", 3)
    previewed = preview(world, account, **job)
    assert [line["lineItemType"] for line in previewed["lineItems"]] == ["USAGE", "STANDING_CHARGE"]
    bill = world.bill(world.run(**job))
    assert previewed == {name: bill[name] for name in previewed}


def test_usage_until_now_is_on_the_bill_of_a_period_that_goes_on(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2026-01-03T00:00:00Z", 7)
    for asked in ({"lastDateInBillingPeriod": "2026-01-15"}, {"lastDateInBillingPeriod": None}):
        previewed = preview(world, account, **asked)
        assert (previewed["startDate"], previewed["endDate"]) == ("2026-01-01", "2026-02-01")
        assert previewed["lineItems"][0]["quantity"] == 7


def test_a_bill_that_is_stored_stays_as_it_is(world: World) -> None:
    account = world.subscribe()
    before = world.bill(world.run())
    world.use(account, "2025-12-05T00:00:00Z", 3)
    assert preview(world, account)["billTotal"] > before["billTotal"]
    assert world.get(f"/bills/{before['id']}") == before


def test_of_several_bills_the_one_that_ends_the_period_is_shown(world: World) -> None:
    world.configure(standingChargeBillInAdvance=True)
    account = world.subscribe(startDate="2025-12-10T00:00:00Z")
    assert len(world.run()["billIds"]) == 2
    assert preview(world, account)["endDate"] == "2026-01-01"


def test_a_bill_too_long_for_an_answer_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.subscribe()
    world.use(account, "2025-12-05T00:00:00Z", 3)
    monkeypatch.setattr(preview_bill, "LINES_PER_ANSWER_MAX", 1)
    answer = world.client.post("/bills/preview", {"accountIds": [account["id"]], **PREVIEWED})
    assert (answer.status, "bill job" in answer.message) == (400, True)


def test_an_account_of_another_organization_is_none(world: World) -> None:
    account = world.subscribe()
    config = world.org.client.get("/organizationconfig").json
    assert world.org.as_caller(org_id=world.org.other_id).put("/organizationconfig", config).status == 200
    client = type(world.client)(world.client.handler, world.org.other_id)
    answer = client.post("/bills/preview", {"accountIds": [account["id"]], **PREVIEWED})
    assert (answer.status, answer.message) == (400, f"accountIds: there is no account {account['id']}")


def test_a_bill_that_is_denied_is_not_shown(world: World) -> None:
    account = world.subscribe()
    bill = world.bill(world.run())
    statements = [
        {"effect": "allow", "action": ["all"], "resource": ["*"]},
        {"effect": "deny", "action": ["all"], "resource": [f"billing:bill/item/{bill['id']}"]},
    ]
    client = type(world.client)(world.client.handler, world.org.id, statements)
    for asked, status in ((account, 403), (world.subscribe(), 200)):
        assert client.post("/bills/preview", {"accountIds": [asked["id"]], **PREVIEWED}).status == status


def test_who_may_not_read_the_account_sees_no_bill_of_it(world: World) -> None:
    account = world.subscribe()
    statements = [
        {"effect": "allow", "action": ["all"], "resource": ["*"]},
        {"effect": "deny", "action": ["all"], "resource": [f"config:account/item/{account['id']}"]},
    ]
    client = type(world.client)(world.client.handler, world.org.id, statements)
    assert client.post("/bills/preview", {"accountIds": [account["id"]], **PREVIEWED}).status == 403

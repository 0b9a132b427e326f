"""Parents and children, from request to bills (billing.md 5.2)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World

DECEMBER = "2025-12-05T00:00:00Z"


@pytest.fixture
def world() -> World:
    return World()


def family(world: World, mode: str | None = None, **more: Any) -> tuple[dict[str, Any], ...]:
    """A parent on the world's plan, with two children; the price is tiered as in W1."""
    parent = world.org.make("account", code="parent")
    tiers = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}, {"lowerLimit": 100, "fixedPrice": 0, "unitPrice": 1}]
    mode_of = {"childBillingMode": mode} if mode else {}
    world.subscribe(account=parent, template={"standingCharge": 0}, **mode_of, **more)
    [pricing] = world.org.client.get("/pricings", planId=world.plan["id"]).json["data"]
    assert (
        world.org.client.put(
            f"/pricings/{pricing['id']}", {**pricing, "cumulative": True, "pricingBands": tiers}
        ).status
        == 200
    )
    return parent, child(world, parent, "a"), child(world, parent, "b")


def child(world: World, parent: dict[str, Any], code: str) -> dict[str, Any]:
    return world.org.make("account", code=code, parentAccountId=parent["id"])


def on_plan(world: World, account: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"startDate": "2025-01-01T00:00:00Z", **more}
    return world.org.make("accountPlan", accountId=account["id"], planId=world.plan["id"], **body)


def rows(bill: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (line["lineItemType"], line.get("childAccountCode", ""), str(line["convertedSubtotal"]))
        for line in bill["lineItems"]
    ]


def bills(world: World, job: dict[str, Any]) -> dict[str, Any]:
    found = [world.get(f"/bills/{bill_id}") for bill_id in job["billIds"]]
    return {bill["accountCode"]: bill for bill in found}


def use_all(world: World, *accounts: dict[str, Any]) -> None:
    for account, value in zip(accounts, (50, 100, 50), strict=True):
        world.use(account, DECEMBER, value)


def test_the_parents_plan_rates_the_family_as_one_and_names_each_child(world: World) -> None:
    accounts = family(world)
    use_all(world, *accounts)
    [(code, bill)] = bills(world, world.run()).items()
    # 200 units: 100 × 2 + 100 × 1 = 300, in proportion 50 : 100 : 50
    assert code == "parent"
    assert rows(bill) == [("USAGE", "", "75.00"), ("USAGE", "a", "150.00"), ("USAGE", "b", "75.00")]
    assert [line.get("childAccountId") for line in bill["lineItems"]] == [None, accounts[1]["id"], accounts[2]["id"]]
    assert [line["quantity"] for line in bill["lineItems"]] == [50, 100, 50]


def test_in_summary_the_family_is_one_line(world: World) -> None:
    use_all(world, *family(world, "PARENT_SUMMARY"))
    assert rows(bills(world, world.run())["parent"]) == [("USAGE", "", "300.00")]


def test_in_mode_child_everybody_pays_a_part_of_the_pooled_price(world: World) -> None:
    use_all(world, *family(world, "CHILD"))
    found = bills(world, world.run())
    assert {code: rows(bill) for code, bill in found.items()} == {
        "parent": [("USAGE", "", "75.00")],
        "a": [("USAGE", "", "150.00")],
        "b": [("USAGE", "", "75.00")],
    }


def test_a_plan_on_a_child_is_rated_on_its_own_and_out_of_the_pool(world: World) -> None:
    parent, a, b = family(world)
    on_plan(world, a)
    use_all(world, parent, a, b)
    # Pool: 100 × 2 = 200; the child alone: 100 × 2 = 200.
    assert rows(bills(world, world.run())["parent"]) == [
        ("USAGE", "", "100.00"),
        ("USAGE", "b", "100.00"),
        ("USAGE", "a", "200.00"),
    ]


def test_a_childs_usage_is_in_the_pool_until_its_own_plan_begins(world: World) -> None:
    _, a, _ = family(world)
    on_plan(world, a, startDate="2025-12-11T00:00:00Z")
    world.use(a, DECEMBER, 100)
    world.use(a, "2025-12-11T00:00:00Z", 7)
    assert rows(bills(world, world.run())["parent"]) == [("USAGE", "a", "200.00"), ("USAGE", "a", "14.00")]


def test_a_childs_plan_in_mode_child_is_on_the_childs_bill(world: World) -> None:
    parent, a, b = family(world)
    on_plan(world, a, childBillingMode="CHILD")
    use_all(world, parent, a, b)
    found = bills(world, world.run())
    assert rows(found["a"]) == [("USAGE", "", "200.00")]
    assert rows(found["parent"]) == [("USAGE", "", "100.00"), ("USAGE", "b", "100.00")]


def test_children_on_one_plan_in_summary_are_one_line(world: World) -> None:
    _, a, b = family(world)
    for account in (a, b):
        on_plan(world, account, childBillingMode="PARENT_SUMMARY")
        world.use(account, DECEMBER, 50)
    [line] = bills(world, world.run())["parent"]["lineItems"]
    assert (line["units"], str(line["subtotal"]), line["averageUnitPrice"]) == (100, "200.00", 2)


def test_a_job_for_the_parent_bills_its_children(world: World) -> None:
    parent, a, b = family(world, "CHILD")
    use_all(world, parent, a, b)
    job = world.run(accountIds=[parent["id"]])
    assert (job["total"], sorted(bills(world, job))) == (3, ["a", "b", "parent"])
    assert sorted(bills(world, world.run(accountIds=[a["id"], parent["id"]]))) == ["a", "b", "parent"]


def test_a_childs_bill_is_recalculated_with_its_parents(world: World) -> None:
    parent, a, b = family(world, "CHILD")
    use_all(world, parent, a, b)
    first = bills(world, world.run())
    refused = world.client.post("/billjobs/recalculate", {"billIds": [first["a"]["id"]]})
    assert refused.status == 400
    assert parent["id"] in refused.json["message"]
    world.use(b, DECEMBER, 100)
    job = world.post("/billjobs/recalculate", {"billIds": [first["parent"]["id"]]})
    world.drain()
    again = {code: world.get(f"/bills/{bill['id']}") for code, bill in first.items()}
    # 300 units cost 400: 50, 100 and 150 of them.
    assert [str(again[code]["billTotal"]) for code in ("parent", "a", "b")] == ["66.67", "133.33", "200.00"]
    assert {bill["billJobId"] for bill in again.values()} == {job["id"]}
    assert sum(bill["billTotal"] for bill in again.values()) == 400


def test_a_contract_of_the_parent_filters_the_usage_of_the_family(world: World) -> None:
    parent = world.org.make("account", code="parent")
    filters = [{"dimensionCode": "region", "mode": "INCLUDE", "value": "eu"}]
    contract = world.org.make("contract", accountId=parent["id"], usageFilters=filters)
    world.subscribe(account=parent, template={"standingCharge": 0}, contractId=contract["id"])
    a = child(world, parent, "a")
    for account in (parent, a):
        world.use(account, DECEMBER, 5, region="eu")
        world.use(account, DECEMBER, 7, region="us")
    assert rows(bills(world, world.run())["parent"]) == [("USAGE", "", "5.00"), ("USAGE", "a", "5.00")]


@pytest.mark.parametrize(
    ("method", "billed"), [("MAX", "100.00"), ("MIN", "50.00"), ("COUNT", "3.00"), ("MEAN", "66.67")]
)
def test_a_pool_is_aggregated_over_all_its_measurements(world: World, method: str, billed: str) -> None:
    parent = world.org.make("account", code="parent")
    a, b = child(world, parent, "a"), child(world, parent, "b")
    world.subscribe(account=parent, template={"standingCharge": 0}, childBillingMode="PARENT_SUMMARY")
    changed = {**world.aggregation, "aggregation": method}
    assert world.org.client.put(f"/aggregations/{world.aggregation['id']}", changed).status == 200
    use_all(world, parent, a, b)
    assert rows(bills(world, world.run())["parent"]) == [("USAGE", "", billed)]


def test_counters_belong_to_the_account_they_are_set_on(world: World) -> None:
    parent, first, second = family(world, "CHILD")
    on_plan(world, second, childBillingMode="PARENT_BREAKDOWN")
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 3}]
    counter_id = world.price_counter(bands, planId=world.plan["id"], runningTotalBillInAdvance=False)["counterId"]
    for account, value in ((parent, 10), (first, 20), (second, 2)):
        world.org.make(
            "counterAdjustment", counterId=counter_id, accountId=account["id"], date="2025-06-01", value=value
        )
    found = bills(world, world.run())
    assert {code: rows(bill) for code, bill in found.items() if bill["lineItems"]} == {
        "parent": [("COUNTER_RUNNING_TOTAL_CHARGE", "", "30.00"), ("COUNTER_RUNNING_TOTAL_CHARGE", "b", "6.00")]
    }


@pytest.mark.parametrize(("mode", "other"), [("PARENT_BREAKDOWN", "CHILD"), ("CHILD", "PARENT_BREAKDOWN")])
@pytest.mark.parametrize("locked", [True, False])
def test_a_childs_plan_is_billed_once_when_its_mode_changes(world: World, mode: str, other: str, locked: bool) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    world.subscribe(account=parent)
    parents = world.account_plan
    world.subscribe(account=child, childBillingMode=mode)
    world.use(child, "2025-12-05T00:00:00Z", 9)
    first = world.all_bills_of(world.run())
    if locked:
        for bill in first:
            world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
            world.put(f"/bills/{bill['id']}/lock")
    changed = {**world.account_plan, "childBillingMode": other}
    assert world.org.client.put(f"/accountplans/{world.account_plan['id']}", changed).status == 200
    assert parents["id"] != world.account_plan["id"]
    world.run()
    lines = world.get("/lineitems", lineItemType="USAGE")["data"]
    assert [line["subtotal"] for line in lines] == [9]
    assert not locked or lines[0]["billId"] in {bill["id"] for bill in first}


def test_what_a_locked_bill_of_the_parent_has_of_a_child_is_not_billed_to_the_child(world: World) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    world.subscribe(account=parent)
    world.use(child, "2025-12-05T00:00:00Z", 9)
    [first] = world.all_bills_of(world.run())
    world.put(f"/bills/{first['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{first['id']}/lock")
    changed = {**world.account_plan, "childBillingMode": "CHILD"}
    assert world.org.client.put(f"/accountplans/{world.account_plan['id']}", changed).status == 200
    world.run()
    lines = world.get("/lineitems", lineItemType="USAGE")["data"]
    assert [(line["subtotal"], line["billId"]) for line in lines] == [(9, first["id"])]

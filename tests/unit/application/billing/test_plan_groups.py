"""Accounts on plan groups, from request to bill (billing.md 3.3)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World

FROM = "2025-01-01T00:00:00Z"


@pytest.fixture
def world() -> World:
    return World()


def in_group(world: World, *plans: dict[str, Any], **group: Any) -> dict[str, Any]:
    """An account on a group of the plans."""
    made = world.org.make("planGroup", name="Pro", currency="USD", **group)
    for one in plans:
        world.org.make("planGroupLink", planGroupId=made["id"], planId=one["id"])
    account = world.org.make("account")
    world.org.make("accountPlan", accountId=account["id"], planId=None, planGroupId=made["id"], startDate=FROM)
    return account


def priced(world: World, **template: Any) -> dict[str, Any]:
    made = world.org.make("planTemplate", **{"standingCharge": 0, **template})
    plan = world.org.make("plan", planTemplateId=made["id"])
    world.aggregation = world.org.make("aggregation")
    world.price(world.aggregation["id"], planId=plan["id"])
    return plan


def amounts(bill: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["lineItemType"], str(line["convertedSubtotal"])) for line in bill["lineItems"]]


def test_a_group_attaches_its_plans_and_adds_its_own_charges(world: World) -> None:
    account = in_group(world, priced(world), priced(world, standingCharge=20), minimumSpend=250, standingCharge=5)
    world.use(account, "2025-12-05T00:00:00Z", 170)
    bill = world.bill(world.run())
    assert amounts(bill) == [
        ("USAGE", "170.00"),
        ("STANDING_CHARGE", "20.00"),
        ("STANDING_CHARGE", "5.00"),
        ("MINIMUM_SPEND", "80.00"),
    ]
    assert len({line["planGroupId"] for line in bill["lineItems"]}) == 1
    assert [line.get("planId") is None for line in bill["lineItems"]] == [False, False, True, True]
    assert bill["lineItems"][-1]["description"] == "Pro Minimum Spend Adjustment"


def test_the_organization_says_whether_a_group_bills_in_advance(world: World) -> None:
    world.configure(minimumSpendBillInAdvance=True, standingChargeBillInAdvance=True)
    account = in_group(world, priced(world), minimumSpend=250, standingCharge=5)
    world.use(account, "2025-12-05T00:00:00Z", 170)
    assert amounts(world.bill(world.run())) == [
        ("USAGE", "170.00"),
        ("STANDING_CHARGE", "5.00"),
        ("MINIMUM_SPEND", "250.00"),
        ("MINIMUM_SPEND_REFUND", "-170.00"),
    ]


def test_a_group_bills_with_its_longest_plan_and_the_others_on_their_own_bills(world: World) -> None:
    account = in_group(world, priced(world, billFrequency="WEEKLY"), priced(world), minimumSpend=100)
    world.use(account, "2025-12-05T00:00:00Z", 30)
    job = world.run(lastDateInBillingPeriod="2025-12-31")
    bills = {bill["billingFrequency"]: world.get(f"/bills/{bill['id']}") for bill in world.all_bills()}
    assert len(job["billIds"]) == 2
    assert amounts(bills["WEEKLY"]) == []
    assert amounts(bills["MONTHLY"]) == [("USAGE", "30.00"), ("MINIMUM_SPEND", "70.00")]


def test_an_empty_group_bills_nothing(world: World) -> None:
    in_group(world, minimumSpend=100)
    assert world.run()["billIds"] == []

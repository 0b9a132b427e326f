"""Account plans that start, end, switch and are replaced; epochs at each level (billing.md 5.3, 5.4, 6.2)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World


@pytest.fixture
def world() -> World:
    return World()


def amounts(bill: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["lineItemType"], str(line["convertedSubtotal"])) for line in bill["lineItems"]]


def periods(bill: dict[str, Any], kind: str = "STANDING_CHARGE") -> list[tuple[str, str]]:
    return [
        (line["servicePeriodStartDate"][:10], line["servicePeriodEndDate"][:10])
        for line in bill["lineItems"]
        if line["lineItemType"] == kind
    ]


def another_plan(world: World, charge: int = 62, **more: Any) -> dict[str, Any]:
    """A plan of the same product, with the same aggregation at twice the price."""
    [template] = world.org.client.get("/plantemplates", ids=world.plan["planTemplateId"]).json["data"]
    made = world.org.make("planTemplate", productId=template["productId"], standingCharge=charge)
    plan = world.org.make("plan", planTemplateId=made["id"], **more)
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}]
    world.price(world.aggregation["id"], planId=plan["id"], pricingBands=bands)
    return plan


def replaced(world: World, plan: dict[str, Any], at: str) -> dict[str, Any]:
    path = f"/accountplans/{world.account_plan['id']}/replace"
    answer = world.org.client.post(path, {"planId": plan["id"], "startDate": at})
    assert answer.status == 200, answer.text
    return dict(answer.json)


def test_a_plan_replaced_mid_period_is_billed_on_both_sides(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 31})
    world.use(account, "2025-12-10T23:59:59Z", 5)
    world.use(account, "2025-12-11T00:00:00Z", 7)
    replaced(world, another_plan(world), "2025-12-11T00:00:00Z")
    bill = world.bill(world.run())
    assert amounts(bill) == [
        ("USAGE", "5.00"),
        ("USAGE", "14.00"),
        ("STANDING_CHARGE", "10.00"),
        ("STANDING_CHARGE", "42.00"),
    ]
    assert periods(bill) == [("2025-12-01", "2025-12-11"), ("2025-12-11", "2026-01-01")]
    assert periods(bill, "USAGE") == periods(bill)


def test_a_replacement_after_the_bill_is_billed_when_it_is_calculated_again(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 31})
    world.use(account, "2025-12-20T00:00:00Z", 7)
    first = world.run()
    assert str(world.bill(first)["billTotal"]) == "38.00"
    replaced(world, another_plan(world), "2025-12-11T00:00:00Z")
    world.post("/billjobs/recalculate", {"billIds": first["billIds"]})
    world.drain()
    assert str(world.bill(first)["billTotal"]) == "66.00"  # 10 + 42 + 14


def test_in_advance_the_new_plan_opens_with_a_bill_and_the_old_one_keeps_its_days(world: World) -> None:
    world.configure(standingChargeBillInAdvance=True)
    world.subscribe(template={"standingCharge": 31})
    opened = world.run(lastDateInBillingPeriod="2025-11-30")
    assert (amounts(world.bill(opened)), periods(world.bill(opened))) == (
        [("STANDING_CHARGE", "31.00")],
        [("2025-12-01", "2026-01-01")],
    )
    replaced(world, another_plan(world), "2025-12-11T00:00:00Z")
    found = {bill["billDate"]: bill for bill in (world.get(f"/bills/{one}") for one in world.run()["billIds"])}
    assert {day: amounts(bill) for day, bill in found.items()} == {
        "2025-12-01": [("STANDING_CHARGE", "10.00")],
        "2025-12-11": [("STANDING_CHARGE", "42.00")],
        "2026-01-01": [("STANDING_CHARGE", "62.00")],
    }
    again = world.get(f"/bills/{opened['billIds'][0]}")
    assert (amounts(again), periods(again)) == ([("STANDING_CHARGE", "10.00")], [("2025-12-01", "2025-12-11")])


def test_tiers_begin_again_with_another_account_plan(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 0})
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}, {"lowerLimit": 10, "fixedPrice": 0, "unitPrice": 1}]
    [pricing] = world.org.client.get("/pricings", planId=world.plan["id"]).json["data"]
    tiered = {**pricing, "cumulative": True, "tiersSpanPlan": True, "pricingBands": bands}
    assert world.org.client.put(f"/pricings/{pricing['id']}", tiered).status == 200
    replaced(world, world.plan, "2025-12-11T00:00:00Z")
    world.use(account, "2025-12-05T00:00:00Z", 12)
    world.use(account, "2025-12-15T00:00:00Z", 12)
    assert amounts(world.bill(world.run())) == [("USAGE", "22.00"), ("USAGE", "22.00")]


def test_an_account_plan_that_was_end_dated_is_billed_up_to_there_and_no_more(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 31})
    world.use(account, "2025-12-10T00:00:00Z", 5)
    world.use(account, "2025-12-11T00:00:00Z", 7)
    body = {"endDate": "2025-12-11T00:00:00Z", "billingEntities": ["ACCOUNTPLAN"]}
    assert world.org.client.put(f"/accounts/{account['id']}/enddatebillingentities", body).status == 200
    assert amounts(world.bill(world.run())) == [("USAGE", "5.00"), ("STANDING_CHARGE", "10.00")]
    assert world.run(lastDateInBillingPeriod="2026-01-31")["billIds"] == []


def test_pricings_that_were_end_dated_charge_nothing_after(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 0})
    world.use(account, "2025-12-10T00:00:00Z", 5)
    world.use(account, "2025-12-11T00:00:00Z", 7)
    [pricing] = world.org.client.get("/pricings", planId=world.plan["id"]).json["data"]
    ended = {**pricing, "endDate": "2025-12-11T00:00:00Z"}
    assert world.org.client.put(f"/pricings/{pricing['id']}", ended).status == 200
    assert amounts(world.bill(world.run())) == [("USAGE", "5.00")]


def test_a_gap_between_two_account_plans_is_not_billed(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 31}, endDate="2025-12-11T00:00:00Z")
    later = {"accountId": account["id"], "planId": world.plan["id"], "startDate": "2025-12-22T00:00:00Z"}
    world.org.make("accountPlan", **later)
    for day in ("10", "15", "25"):
        world.use(account, f"2025-12-{day}T00:00:00Z", 1)
    bill = world.bill(world.run())
    assert amounts(bill)[:2] == [("USAGE", "1.00"), ("USAGE", "1.00")]
    assert periods(bill) == [("2025-12-01", "2025-12-11"), ("2025-12-22", "2026-01-01")]
    assert str(bill["billTotal"]) == "22.00"


def test_a_bespoke_plan_is_billed_to_its_account_and_attaches_to_no_other(world: World) -> None:
    account, other = world.org.make("account"), world.org.make("account")
    world.subscribe(account=account, plan={"bespoke": True, "accountId": account["id"], "standingCharge": 99})
    body = {"accountId": other["id"], "planId": world.plan["id"], "startDate": "2025-01-01T00:00:00Z"}
    refused = world.org.create("accountPlan", **body)
    assert (refused.status, "bespoke" in refused.text) == (400, True)
    bill = world.bill(world.run())
    assert (bill["accountId"], amounts(bill)) == (account["id"], [("STANDING_CHARGE", "99.00")])


def test_plans_of_two_frequencies_are_switched_each_on_its_own_bill(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 31}, endDate="2025-12-11T00:00:00Z")
    world.subscribe(
        account=account, template={"standingCharge": 7, "billFrequency": "WEEKLY"}, startDate="2025-12-11T00:00:00Z"
    )
    world.configure(weekEpoch="2022-01-03")
    found = [world.get(f"/bills/{bill_id}") for bill_id in world.run()["billIds"]]
    assert {bill["billingFrequency"]: amounts(bill) for bill in found} == {
        "MONTHLY": [("STANDING_CHARGE", "10.00")],
        "WEEKLY": [("STANDING_CHARGE", "7.00")],
    }
    first_week = world.run(lastDateInBillingPeriod="2025-12-14", billingFrequency="WEEKLY")
    assert amounts(world.bill(first_week)) == [("STANDING_CHARGE", "4.00")]


@pytest.mark.parametrize(
    ("of_plan", "of_account", "of_job", "day"),
    [
        (None, None, None, "2026-01-01"),
        (None, None, "2022-01-05", "2026-01-05"),
        (None, "2022-01-10", "2022-01-05", "2026-01-10"),
        (None, "2022-01-10", None, "2026-01-10"),
        ("2022-01-20", "2022-01-10", "2022-01-05", "2026-01-20"),
        ("2022-01-31", None, None, "2025-12-31"),
    ],
)
def test_the_nearest_epoch_rules(
    world: World, of_plan: str | None, of_account: str | None, of_job: str | None, day: str
) -> None:
    account = world.org.make("account", **({"billEpoch": of_account} if of_account else {}))
    world.subscribe(account=account, **({"billEpoch": of_plan} if of_plan else {}))
    job = world.run(**{"lastDateInBillingPeriod": "2025-12-30", **({"monthEpoch": of_job} if of_job else {})})
    assert world.bill(job)["billDate"] == day


@pytest.mark.parametrize(
    ("frequency", "field", "epoch", "day"),
    [
        ("DAILY", "dayEpoch", "2022-01-01", "2025-12-31"),
        ("WEEKLY", "weekEpoch", "2022-01-07", "2026-01-02"),
        ("MONTHLY", "monthEpoch", "2022-01-15", "2026-01-15"),
        ("ANNUALLY", "yearEpoch", "2022-07-01", "2026-07-01"),
    ],
)
def test_each_frequency_has_its_epoch_in_the_organization(
    world: World, frequency: str, field: str, epoch: str, day: str
) -> None:
    world.configure(**{field: epoch})
    world.subscribe(template={"billFrequency": frequency})
    assert world.bill(world.run(lastDateInBillingPeriod="2025-12-30"))["billDate"] == day


def test_what_begins_on_the_day_of_a_bill_that_is_there_already_is_billed_all_the_same(world: World) -> None:
    account = world.subscribe()
    first = world.bill(world.run(lastDateInBillingPeriod="2025-12-31"))
    plan = world.org.make("plan", planTemplateId=world.org.make("planTemplate", standingCharge=30)["id"])
    assert world.org.client.put(f"/plans/{plan['id']}", {**plan, "standingChargeBillInAdvance": True}).status == 200
    world.org.make("accountPlan", accountId=account["id"], planId=plan["id"], startDate=f"{first['endDate']}T00:00:00Z")
    world.run(lastDateInBillingPeriod="2026-01-31")
    lines = [line for bill in world.all_bills() for line in world.get(f"/bills/{bill['id']}")["lineItems"]]
    january = [line for line in lines if line.get("planId") == plan["id"]]
    assert [line["servicePeriodStartDate"][:10] for line in january] == ["2026-02-01", first["endDate"]]
    world.run(lastDateInBillingPeriod="2026-01-31")
    assert len(world.all_bills()) == 2

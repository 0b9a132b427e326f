"""What a locked bill has stays billed once, whatever the configuration becomes after it (billing.md 12.7)."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing.records.record import read_record

JANUARY, FEBRUARY, MARCH = "2026-01-10T00:00:00Z", "2026-02-10T00:00:00Z", "2026-03-10T00:00:00Z"


@pytest.fixture
def world() -> World:
    return World()


def change(world: World, path: str, entity: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = world.org.client.put(f"/{path}/{entity['id']}", {**entity, **changes})
    assert answer.status == 200, answer.text
    return dict(answer.json)


def contract_apart(world: World, account: dict[str, Any]) -> dict[str, Any]:
    """A contract whose plans are on a bill of their own."""
    grouping = world.org.client.post("/picklists/billgroupingkeys", {"name": "own", "exclusive": True}).json["id"]
    dates = {"startDate": "2025-01-01", "endDate": "2027-01-01"}
    return world.org.make("contract", accountId=account["id"], usageFilters=None, billGroupingKeyId=grouping, **dates)


def lock(world: World, bill_id: str) -> None:
    world.put(f"/bills/{bill_id}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill_id}/lock")


def run(world: World, last_day: str, **job: Any) -> list[str]:
    return list(world.run(lastDateInBillingPeriod=last_day, **job)["billIds"])


def lines(world: World, kind: str = "USAGE") -> list[tuple[str, str, str]]:
    """From, to and amount of all line items of a kind, on whatever bill, in order of time."""
    found = world.get("/lineitems", lineItemType=kind, pageSize=100)["data"]
    return sorted(
        (one["servicePeriodStartDate"][:10], one["servicePeriodEndDate"][:10], str(one["subtotal"])) for one in found
    )


def test_a_child_that_leaves_its_parent_is_not_billed_for_what_the_parents_locked_bill_has(world: World) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    world.subscribe(account=child, childBillingMode="PARENT_BREAKDOWN")
    world.use(child, "2025-12-05T00:00:00Z", 9)
    [first] = run(world, "2025-12-31", accountIds=[parent["id"]])
    lock(world, first)
    change(world, "accounts", child, parentAccountId=None)
    assert run(world, "2025-12-31") == []
    assert [amount for *_, amount in lines(world)] == ["9.00"]
    assert [amount for *_, amount in lines(world, "STANDING_CHARGE")] == ["20.00"]


def test_a_child_keeps_what_its_locked_bill_has_of_the_pool_when_the_parent_pays_for_all(world: World) -> None:
    parent = world.org.make("account")
    child = world.org.make("account", parentAccountId=parent["id"])
    world.subscribe(account=parent, childBillingMode="CHILD")
    world.use(parent, "2025-12-05T00:00:00Z", 5)
    world.use(child, "2025-12-05T00:00:00Z", 9)
    made = {bill["accountId"]: bill["id"] for bill in world.all_bills_of(world.run())}
    lock(world, made[child["id"]])
    for mode in ("PARENT_SUMMARY", "PARENT_BREAKDOWN"):
        world.account_plan = change(world, "accountplans", world.account_plan, childBillingMode=mode)
        world.run()
        found = world.get("/lineitems", lineItemType="USAGE")["data"]
        assert sorted((str(one["subtotal"]), one["billId"]) for one in found) == sorted(
            [("9.00", made[child["id"]]), ("5.00", made[parent["id"]])]
        )


def test_a_plan_that_leaves_a_contract_which_is_deleted_is_not_billed_again(world: World) -> None:
    account = world.org.make("account")
    contract = contract_apart(world, account)
    world.subscribe(account=account, contractId=contract["id"])
    world.use(account, "2025-12-05T00:00:00Z", 9)
    [first] = run(world, "2025-12-31")
    lock(world, first)
    change(world, "accountplans", world.account_plan, contractId=None)
    assert world.org.client.delete(f"/contracts/{contract['id']}").status == 200
    assert run(world, "2025-12-31") == []
    assert [amount for *_, amount in lines(world)] == ["9.00"]


def test_longer_periods_bill_what_no_locked_bill_of_a_shorter_one_has(world: World) -> None:
    account = world.subscribe(plan={"standingCharge": 90}, template={"standingCharge": 90})
    for at in (JANUARY, FEBRUARY, MARCH):
        world.use(account, at, 7)
    [first] = run(world, "2026-01-31")
    lock(world, first)
    template = world.org.client.get("/plantemplates").json["data"][0]
    change(world, "plantemplates", template, billFrequencyInterval=3)
    assert first not in run(world, "2026-03-31")
    assert lines(world) == [("2026-01-01", "2026-02-01", "7.00"), ("2026-02-01", "2026-04-01", "14.00")]
    # 59 of the 90 days of the quarter are left
    assert lines(world, "STANDING_CHARGE") == [
        ("2026-01-01", "2026-02-01", "90.00"),
        ("2026-02-01", "2026-04-01", "59.00"),
    ]


def test_shorter_periods_bill_nothing_of_a_locked_longer_one(world: World) -> None:
    account = world.subscribe(template={"billFrequencyInterval": 3})
    world.use(account, FEBRUARY, 7)
    [first] = run(world, "2026-03-31")
    lock(world, first)
    template = world.org.client.get("/plantemplates").json["data"][0]
    change(world, "plantemplates", template, billFrequencyInterval=1)
    for last_day in ("2026-01-31", "2026-02-28", "2026-03-31"):
        assert run(world, last_day) == []
    assert len(run(world, "2026-04-30")) == 1
    assert lines(world) == [("2026-01-01", "2026-04-01", "7.00")]


def test_a_bill_that_no_run_makes_any_more_keeps_its_period_though_it_is_open(world: World) -> None:
    account = world.subscribe()
    world.use(account, JANUARY, 7)
    [first] = run(world, "2026-01-31")
    template = world.org.client.get("/plantemplates").json["data"][0]
    change(world, "plantemplates", template, billFrequencyInterval=3)
    run(world, "2026-03-31")
    assert lines(world) == [("2026-01-01", "2026-02-01", "7.00")]
    assert world.client.delete(f"/bills/{first}").status == 200
    run(world, "2026-03-31")
    assert lines(world) == [("2026-01-01", "2026-04-01", "7.00")]


def test_charges_in_advance_are_made_up_for_where_periods_grew_over_a_locked_one(world: World) -> None:
    world.subscribe(
        template={"standingCharge": 90, "standingChargeBillInAdvance": True}, startDate=JANUARY[:8] + "01T00:00:00Z"
    )
    lock(world, run(world, "2026-01-31")[-1])  # the bill of 1 February, with February in advance
    template = world.org.client.get("/plantemplates").json["data"][0]
    change(world, "plantemplates", template, billFrequencyInterval=3)
    run(world, "2026-03-31")
    found = lines(world, "STANDING_CHARGE")
    assert [(start, end) for start, end, _ in found] == [
        ("2026-01-01", "2026-02-01"),
        ("2026-02-01", "2026-03-01"),
        ("2026-03-01", "2026-04-01"),
        ("2026-04-01", "2026-07-01"),
    ]


def test_a_plan_moved_back_that_began_on_a_locked_bills_day_is_billed_for_the_days_before_on_another_bill(
    world: World,
) -> None:
    account = world.subscribe(
        template={"standingCharge": 31, "standingChargeBillInAdvance": True}, startDate="2026-02-01T00:00:00Z"
    )
    world.use(account, JANUARY, 7)
    world.use(account, FEBRUARY, 5)
    lock(world, run(world, "2026-02-28")[0])
    contract = contract_apart(world, account)
    changes = {"startDate": "2026-01-01T00:00:00Z", "contractId": contract["id"]}
    change(world, "accountplans", world.account_plan, **changes)
    run(world, "2026-01-31")
    run(world, "2026-02-28")
    assert lines(world) == [("2026-01-01", "2026-02-01", "7.00"), ("2026-02-01", "2026-03-01", "5.00")]
    assert [(start, end) for start, end, _ in lines(world, "STANDING_CHARGE")] == [
        ("2026-01-01", "2026-02-01"),
        ("2026-02-01", "2026-03-01"),
        ("2026-03-01", "2026-04-01"),
    ]


@pytest.mark.parametrize("locked", [True, False])
def test_a_plan_that_ends_inside_a_period_charged_in_advance_is_given_the_rest_back_by_the_next_run(
    world: World, locked: bool
) -> None:
    world.subscribe(
        template={"standingCharge": 28, "standingChargeBillInAdvance": True}, startDate="2026-01-01T00:00:00Z"
    )
    opening = run(world, "2026-01-31")[-1]
    if locked:
        lock(world, opening)
    change(world, "accountplans", world.account_plan, endDate="2026-02-15T00:00:00Z")
    run(world, "2026-02-28")
    february = [one for one in lines(world, "STANDING_CHARGE") if one[0] >= "2026-02-01"]
    if locked:
        assert february == [("2026-02-01", "2026-03-01", "28.00"), ("2026-02-15", "2026-03-01", "-14.00")]
    else:
        assert february == [("2026-02-01", "2026-02-15", "14.00")]


@pytest.mark.parametrize("start", ["2026-01-01", "2026-01-10"])
@pytest.mark.parametrize("locked", [True, False])
def test_a_plan_that_ends_inside_its_first_period_owes_its_days(world: World, start: str, locked: bool) -> None:
    world.subscribe(
        template={"standingCharge": 31, "standingChargeBillInAdvance": True}, startDate=f"{start}T00:00:00Z"
    )
    opening = run(world, "2026-01-31")[0]
    if locked:
        lock(world, opening)
    change(world, "accountplans", world.account_plan, endDate="2026-01-15T00:00:00Z")
    run(world, "2026-01-31")
    owed = 15 - int(start[-2:])
    charged = [Decimal(amount) for *_, amount in lines(world, "STANDING_CHARGE")]
    assert (sum(charged), len(charged)) == (owed, 2 if locked else 1)


@pytest.mark.parametrize("interval", [1, 2])
@pytest.mark.parametrize("locked", [True, False])
def test_a_plan_that_goes_on_after_it_was_charged_to_its_end_owes_the_days_since(
    world: World, locked: bool, interval: int
) -> None:
    template = {"standingCharge": 28, "standingChargeBillInAdvance": True, "standingChargeInterval": interval}
    terms = {"minimumSpend": 56, "minimumSpendBillInAdvance": True, **template}
    world.subscribe(template=terms, startDate="2026-02-01T00:00:00Z", endDate="2026-02-15T00:00:00Z")
    [opening] = run(world, "2026-01-31")
    if locked:
        lock(world, opening)
    change(world, "accountplans", world.account_plan, endDate=None)
    run(world, "2026-02-28")
    charged = [Decimal(amount) for start, _, amount in lines(world, "STANDING_CHARGE") if start < "2026-03-01"]
    least = [Decimal(amount) for start, _, amount in lines(world, "MINIMUM_SPEND") if start < "2026-03-01"]
    assert (sum(charged), sum(least)) == (28, 56)
    assert not world.events.rows  # no time is told of as unbilled


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("end", ["2026-04-01", "2026-04-16"])
def test_a_plan_that_ends_after_the_first_of_the_bills_that_one_charge_is_for_owes_its_days(
    world: World, end: str, locked: bool
) -> None:
    quarterly = {"standingCharge": 90, "standingChargeInterval": 3, "standingChargeOffset": 0}
    world.subscribe(template=quarterly, startDate="2026-02-01T00:00:00Z")
    [carrying] = run(world, "2026-02-28")
    if locked:
        lock(world, carrying)
    run(world, "2026-03-31")
    change(world, "accountplans", world.account_plan, endDate=f"{end}T00:00:00Z")
    run(world, "2026-04-30")
    charged = [Decimal(amount) for *_, amount in lines(world, "STANDING_CHARGE")]
    days = 59 if end == "2026-04-01" else 74
    assert sum(charged) == round(Decimal(90) * days / 89, 2)


@pytest.mark.parametrize("locked", [True, False])
def test_a_minimum_in_advance_of_a_plan_that_ends_early_comes_to_that_of_its_days(world: World, locked: bool) -> None:
    account = world.subscribe(
        template={"standingCharge": 0, "minimumSpend": 280, "minimumSpendBillInAdvance": True},
        startDate="2026-01-01T00:00:00Z",
    )
    world.use(account, "2026-02-03T00:00:00Z", 30)
    opening = run(world, "2026-01-31")[-1]
    if locked:
        lock(world, opening)
    change(world, "accountplans", world.account_plan, endDate="2026-02-15T00:00:00Z")
    run(world, "2026-02-28")
    everything = [*lines(world), *lines(world, "MINIMUM_SPEND"), *lines(world, "MINIMUM_SPEND_REFUND")]
    assert sum(Decimal(amount) for start, _, amount in everything if start >= "2026-02-01") == 140


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_charges_that_become_due_at_the_other_end_of_a_period_are_billed_once(
    world: World, early: bool, locked: bool
) -> None:
    timed = {"standingChargeBillInAdvance": early, "minimumSpendBillInAdvance": early}
    more = {"standingCharge": 30, "minimumSpend": 60, **timed}
    account = world.subscribe(template=more, startDate="2026-01-01T00:00:00Z")
    counted = world.price_counter(
        [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 3}], planId=world.plan["id"], runningTotalBillInAdvance=early
    )
    adjusted = {"accountId": account["id"], "counterId": counted["counterId"], "date": "2026-01-01", "value": 5}
    world.org.create("counterAdjustment", **adjusted)
    for bill_id in run(world, "2026-01-31"):
        if locked:
            lock(world, bill_id)
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, **dict.fromkeys(timed, not early))
    change(world, "counterpricings", counted, runningTotalBillInAdvance=not early)
    months = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"]
    charged = [*pairwise(months)][: 3 if early else 4]
    for last_days in (("2026-02-28", "2026-03-31"), ("2026-02-28",), ("2026-01-31", "2026-02-28", "2026-03-31")):
        for last_day in last_days:
            run(world, last_day)
        for kind, amount in (("STANDING_CHARGE", "30.00"), ("COUNTER_RUNNING_TOTAL_CHARGE", "15.00")):
            assert lines(world, kind) == [(*span, amount) for span in charged], (kind, last_days)
        both = [*lines(world, "MINIMUM_SPEND"), *lines(world, "MINIMUM_SPEND_REFUND")]
        for start in months[:3]:
            assert sum(Decimal(amount) for since, _, amount in both if since == start) == 45, (start, last_days)


@pytest.mark.parametrize("locked", [False, True])
def test_charges_in_advance_that_come_about_inside_a_period_are_not_taken_for_billed(
    world: World, locked: bool
) -> None:
    world.subscribe(template={"standingCharge": 0, "minimumSpend": 0}, startDate="2026-01-01T00:00:00Z")
    world.use({"id": world.account_plan["accountId"]}, FEBRUARY, 15)
    for bill_id in run(world, "2026-01-31"):
        if locked:
            lock(world, bill_id)
    early = {"standingChargeBillInAdvance": True, "minimumSpendBillInAdvance": True}
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, standingCharge=30, minimumSpend=60, **early)
    run(world, "2026-02-28")
    february, march = ("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-04-01")
    assert lines(world, "STANDING_CHARGE") == [(*february, "30.00"), (*march, "30.00")]
    assert lines(world, "MINIMUM_SPEND") == [(*february, "45.00"), (*march, "60.00")]
    assert lines(world, "MINIMUM_SPEND_REFUND") == []


@pytest.mark.parametrize("locked", [False, True])
def test_a_minimum_that_becomes_due_in_arrears_is_billed_once_beside_a_standing_charge_for_several_periods(
    world: World, locked: bool
) -> None:
    quarterly = {"standingCharge": 30, "standingChargeInterval": 3, "standingChargeOffset": 0}
    terms = {**quarterly, "minimumSpend": 60, "minimumSpendBillInAdvance": True}
    world.subscribe(template=terms, startDate="2026-01-01T00:00:00Z")
    for last_day in ("2026-01-31", "2026-02-28"):
        for bill_id in run(world, last_day):
            if locked:
                lock(world, bill_id)
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, minimumSpendBillInAdvance=False)
    run(world, "2026-03-31")
    march = [one for one in lines(world, "MINIMUM_SPEND") if one[0] == "2026-03-01"]
    assert march == [("2026-03-01", "2026-04-01", "60.00")]


@pytest.mark.parametrize(
    "after",
    [
        {"standingChargeInterval": 3, "standingChargeOffset": 0, "standingChargeBillInAdvance": True},
        {"standingChargeInterval": 3, "standingChargeOffset": 2},
    ],
)
@pytest.mark.parametrize("before", [1, 3])
def test_months_that_locked_bills_charged_are_left_out_of_a_charge_for_several_months(
    world: World, before: int, after: dict[str, Any]
) -> None:
    quarterly = {"standingCharge": 90, "standingChargeInterval": before, "standingChargeOffset": 0}
    world.subscribe(template=quarterly, startDate="2026-01-01T00:00:00Z")
    for last_day in ("2026-01-31", "2026-02-28"):
        for bill_id in run(world, last_day):
            lock(world, bill_id)
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, **after)
    for last_day in ("2026-01-31", "2026-03-31"):
        run(world, last_day)
    found = lines(world, "STANDING_CHARGE")
    assert all(one[1] <= other[0] for one, other in pairwise(found)), found


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("locked", [1, 3])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_standing_charge_for_fewer_periods_leaves_out_those_that_a_locked_bill_charged(
    world: World, after: int, locked: int, *, early: bool
) -> None:
    months = ["2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    half_yearly = {"standingCharge": 120, "standingChargeInterval": 6, "standingChargeBillInAdvance": early}
    world.subscribe(template=half_yearly, startDate="2025-12-01T00:00:00Z")
    for last_day in months[:locked]:
        for bill_id in run(world, last_day):
            lock(world, bill_id)
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, standingChargeInterval=after, standingCharge=20 * after)
    for last_day in months:
        run(world, last_day)
    found = lines(world, "STANDING_CHARGE")
    assert ("2025-12-01", "2026-06-01", "120.00") in found
    assert all(one[1] <= other[0] for one, other in pairwise(found)), found


@pytest.mark.parametrize("offset", [1, 2])
def test_a_charge_for_several_months_whose_turn_comes_later_leaves_out_the_first_that_was_charged_alone(
    world: World, offset: int
) -> None:
    world.subscribe(template={"standingCharge": 30}, startDate="2026-01-01T00:00:00Z")
    for bill_id in run(world, "2026-01-31"):
        lock(world, bill_id)
    template = world.org.client.get(f"/plantemplates/{world.plan['planTemplateId']}").json
    change(world, "plantemplates", template, standingChargeInterval=6, standingChargeOffset=offset)
    for last_day in ("2026-02-28", "2026-03-31"):
        run(world, last_day)
    assert [one[:2] for one in lines(world, "STANDING_CHARGE")] == [
        ("2026-01-01", "2026-02-01"),
        ("2026-02-01", "2026-07-01"),
    ]


def test_a_charge_for_two_years_is_given_back_from_when_the_plan_ended_in_the_second(world: World) -> None:
    months = ["2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31", "2025-03-31", "2025-06-30"]
    quarterly = {"billFrequency": "MONTHLY", "billFrequencyInterval": 3}
    eight = {"standingCharge": 731, "standingChargeInterval": 8, "standingChargeBillInAdvance": True}
    world.subscribe(template={**quarterly, **eight}, startDate="2024-01-01T00:00:00Z")
    for last_day in months:
        for bill_id in run(world, last_day):
            lock(world, bill_id)
    plan = world.org.client.get(f"/accountplans/{world.account_plan['id']}").json
    change(world, "accountplans", plan, endDate="2025-12-01T00:00:00Z")
    run(world, "2025-12-31")
    assert lines(world, "STANDING_CHARGE") == [
        ("2024-01-01", "2026-01-01", "731.00"),
        ("2025-12-01", "2026-01-01", "-31.00"),
    ]


def test_a_bill_that_carries_no_standing_charge_reads_no_bill_but_the_one_that_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.subscribe(
        template={"billFrequency": "DAILY", "standingCharge": 30, "standingChargeInterval": 30},
        startDate="2025-12-01T00:00:00Z",
    )
    read = list[Any]()

    def reading(*given: Any) -> Any:
        read.append(given)
        return read_record(*given)

    monkeypatch.setattr("usance.application.billing.billed_already.read_record", reading)
    for day in range(1, 20):
        read.clear()
        for bill_id in run(world, f"2025-12-{day:02}"):
            lock(world, bill_id)
    assert len(read) == 1

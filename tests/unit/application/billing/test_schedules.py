"""Scheduled billing and automatic approval (billing.md 12.7, 12.8, W8, W9)."""

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing.run_schedule import run_scheduled_billing
from usance.resources.instants import from_text


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(scheduledBillInterval=1)
    return world


def periods(world: World) -> list[str]:
    return sorted(bill["endDate"] for bill in world.all_bills(excludeLineItems="true"))


def test_a_tick_bills_the_current_period_to_date(world: World) -> None:
    account = world.subscribe()
    world.use(account, "2026-01-10T00:00:00Z", 7)
    world.tick("2026-01-15T12:00:07Z")
    (bill,) = world.all_bills(includeBillTotal="true")
    assert (bill["endDate"], str(bill["billTotal"]), bill["createdBy"]) == ("2026-02-01", "27.00", "SCHEDULER")


def test_other_quarters_of_the_hour_do_nothing(world: World) -> None:
    world.subscribe()
    world.tick("2026-01-15T12:15:00Z")
    assert world.get("/billjobs")["data"] == []


def test_without_an_interval_nothing_is_scheduled() -> None:
    world = World()
    world.subscribe()
    world.tick("2026-01-15T12:00:00Z")
    assert world.get("/billjobs")["data"] == []


def test_a_tick_that_fires_twice_starts_one_job(world: World) -> None:
    world.subscribe()
    world.tick("2026-01-15T12:00:00Z")
    world.tick("2026-01-15T12:00:30Z")
    assert len(world.get("/billjobs")["data"]) == 1


def test_a_tick_waits_for_the_job_of_the_one_before(world: World) -> None:
    world.subscribe()
    assert run_scheduled_billing(world.stores, from_text("2026-01-15T12:00:00Z")) == 1
    assert run_scheduled_billing(world.stores, from_text("2026-01-15T13:00:00Z")) == 0
    world.drain()
    assert run_scheduled_billing(world.stores, from_text("2026-01-15T14:00:00Z")) == 1


def test_a_tick_that_stopped_before_its_message_is_finished_when_it_fires_again(world: World) -> None:
    world.subscribe()
    run_scheduled_billing(world.stores, from_text("2026-01-15T12:00:00Z"))
    world.queue.take()
    world.tick("2026-01-15T12:00:00Z")
    assert [job["status"] for job in world.get("/billjobs")["data"]] == ["COMPLETE"]


def test_a_job_whose_messages_died_holds_up_schedules_for_half_a_day_only(world: World) -> None:
    world.subscribe()
    run_scheduled_billing(world.stores, from_text("2026-01-15T12:00:00Z"))
    world.queue.take()
    world.tick("2026-01-15T23:00:00Z")
    assert world.all_bills() == []
    world.tick("2026-01-16T00:00:00Z")
    assert [job["status"] for job in world.get("/billjobs")["data"]] == ["COMPLETE", "CANCELLED"]
    assert len(world.all_bills()) == 1


def test_a_plan_in_advance_that_was_attached_late_still_gets_the_bill_that_opens_it(world: World) -> None:
    for start in ("2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"):
        world.subscribe(template={"standingChargeBillInAdvance": True}, startDate=start)
    world.tick("2026-01-15T12:00:00Z")
    assert periods(world) == ["2026-01-01", "2026-01-05", "2026-02-01", "2026-02-01"]
    versions = [bill["version"] for bill in world.all_bills()]
    world.configure(daysBeforeBillDue=30)
    world.tick("2026-01-15T13:00:00Z")
    again = {bill["endDate"]: bill["version"] for bill in world.all_bills()}
    assert versions == [1, 1, 1, 1]
    assert again == {"2026-02-01": 2, "2026-01-05": 1, "2026-01-01": 1}


@pytest.mark.parametrize("start", ["2026-01-01", "2026-01-05"])
def test_a_plan_in_advance_that_ends_inside_its_first_period_owes_its_days(world: World, start: str) -> None:
    template = {"standingCharge": 31, "standingChargeBillInAdvance": True}
    world.subscribe(template=template, startDate=f"{start}T00:00:00Z")
    world.tick("2026-01-15T12:00:00Z")
    ended = {**world.account_plan, "endDate": "2026-01-20T00:00:00Z"}
    assert world.org.client.put(f"/accountplans/{ended['id']}", ended).status == 200
    world.tick("2026-01-16T12:00:00Z")
    charged = [line["subtotal"] for bill in world.all_bills() for line in bill["lineItems"]]
    assert charged == [20 - int(start[-2:])]


@pytest.mark.parametrize("start", ["2025-12-01", "2026-01-01", "2026-01-02"])
def test_a_plan_that_goes_on_after_it_was_charged_to_its_end_owes_the_days_since(world: World, start: str) -> None:
    template = {"standingCharge": 31, "standingChargeBillInAdvance": True}
    world.subscribe(template=template, startDate=f"{start}T00:00:00Z", endDate="2026-01-20T00:00:00Z")
    for at in ("2025-12-31T12:00:00Z", "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"):
        world.tick(at)
    renewed = {name: value for name, value in world.account_plan.items() if name != "endDate"}
    assert world.org.client.put(f"/accountplans/{renewed['id']}", renewed).status == 200
    world.tick("2026-01-15T12:00:00Z")
    lines = [line for bill in world.all_bills() for line in bill["lineItems"]]
    january = [line["subtotal"] for line in lines if "2026-01-01" <= line["servicePeriodStartDate"][:10] < "2026-02-01"]
    assert january == [30 if start == "2026-01-02" else 31]


def test_the_first_bill_of_a_plan_that_ends_in_the_next_period_is_made_after_its_end(world: World) -> None:
    account = world.subscribe(template={"standingChargeBillInAdvance": True}, endDate="2026-01-20T00:00:00Z")
    world.use(account, "2025-12-31T20:00:00Z", 7)
    world.tick("2026-01-01T01:00:00Z")
    assert "2026-01-01" in periods(world)


def test_a_bill_that_opens_a_plan_is_open_although_another_plan_ended_before(world: World) -> None:
    account = world.subscribe(endDate="2026-01-10T00:00:00Z")
    world.tick("2026-01-10T12:00:00Z")
    late = {"standingCharge": 7, "standingChargeBillInAdvance": True}
    world.subscribe(account=account, template=late, startDate="2026-02-01T00:00:00Z")
    world.tick("2026-02-01T12:00:00Z")
    (bill,) = world.all_bills(billDate="2026-02-01")
    charged = [(line["lineItemType"], str(line["subtotal"])) for line in bill["lineItems"]]
    assert charged == [("STANDING_CHARGE", "5.81"), ("STANDING_CHARGE", "7.00")]


def test_a_period_is_calculated_again_for_a_day_after_its_end(world: World) -> None:
    account = world.subscribe()
    world.tick("2026-01-31T12:00:00Z")
    world.use(account, "2026-01-31T20:00:00Z", 7)
    world.tick("2026-02-01T23:00:00Z")
    assert periods(world) == ["2026-02-01", "2026-03-01"]
    world.use(account, "2026-01-31T21:00:00Z", 100)
    world.tick("2026-02-02T01:00:00Z")
    (january,) = world.all_bills(billDate="2026-02-01", includeBillTotal="true")
    assert str(january["billTotal"]) == "27.00"


def test_an_account_plan_that_ended_is_calculated_for_a_day_more(world: World) -> None:
    account = world.subscribe(endDate="2026-01-14T00:00:00Z")
    world.tick("2026-01-15T00:00:00Z")
    (bill,) = world.all_bills()
    world.use(account, "2026-01-13T00:00:00Z", 7)
    world.tick("2026-01-15T01:00:00Z")
    assert world.get(f"/bills/{bill['id']}")["version"] == bill["version"]


def test_an_unchanged_bill_keeps_its_approval_and_late_data_takes_it(world: World) -> None:
    account = world.subscribe()
    world.tick("2026-01-31T12:00:00Z")
    (bill,) = world.all_bills()
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.tick("2026-02-01T10:00:00Z")
    assert world.get(f"/bills/{bill['id']}")["status"] == "APPROVED"
    world.use(account, "2026-01-31T20:00:00Z", 7)
    world.tick("2026-02-01T11:00:00Z")
    assert world.get(f"/bills/{bill['id']}")["status"] == "PENDING"


def test_a_tick_keeps_what_the_job_that_made_the_bill_had_set(world: World) -> None:
    account = world.subscribe()
    bill = world.bill(world.run(lastDateInBillingPeriod="2026-01-31", dueDate="2026-05-05"))
    world.use(account, "2026-01-10T00:00:00Z", 7)
    world.tick("2026-01-15T12:00:00Z")
    again = world.get(f"/bills/{bill['id']}")
    assert (again["dueDate"], again["version"]) == ("2026-05-05", 2)


def test_bills_are_approved_when_their_grace_period_is_over(world: World) -> None:
    world.configure(autoApproveBillsGracePeriod=2, autoApproveBillsGracePeriodUnit="HOURS")
    world.subscribe()
    world.run(lastDateInBillingPeriod="2025-12-31")
    assert world.approve_due("2026-01-01T01:59:59Z") == 0
    assert world.approve_due("2026-01-01T02:00:00Z") == 1
    assert world.approve_due("2026-01-01T02:05:00Z") == 0
    (bill,) = world.all_bills()
    assert (bill["status"], bill["approvedBy"], bill["dtApproved"]) == (
        "APPROVED",
        "SCHEDULER",
        "2026-01-01T02:00:00.000000Z",
    )


def test_the_grace_period_counts_from_local_midnight_of_the_bill_date(world: World) -> None:
    world.configure(autoApproveBillsGracePeriod=1, autoApproveBillsGracePeriodUnit="DAYS", timezone="America/New_York")
    world.subscribe()
    world.run(lastDateInBillingPeriod="2025-12-31", billDate="2026-01-05")
    assert world.approve_due("2026-01-06T04:59:00Z") == 0
    assert world.approve_due("2026-01-06T05:00:00Z") == 1


def test_without_a_grace_period_nothing_is_approved(world: World) -> None:
    world.subscribe()
    world.run()
    assert world.approve_due("2027-01-01T00:00:00Z") == 0


def test_bills_before_the_lock_date_are_left_alone(world: World) -> None:
    world.configure(autoApproveBillsGracePeriod=1, autoApproveBillsGracePeriodUnit="MINUTES")
    world.put("/billconfig", {"billLockDate": "2025-12-31"})
    world.subscribe()
    assert world.run()["billIds"] == []
    assert world.approve_due("2027-01-01T00:00:00Z") == 0

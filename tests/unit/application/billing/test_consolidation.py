"""Bills that frequencies share (billing.md 12.9)."""

from typing import Any

import pytest

from tests.unit.application.billing.world import World

# 1 February 2026 ends a month, and a week that begins on 25 January.
DAY = {"lastDateInBillingPeriod": "2026-01-31"}


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(weekEpoch="2022-01-02", consolidateBills=True)  # a Sunday, as 1 February 2026 is
    return world


def two_frequencies(world: World) -> dict[str, Any]:
    account = world.subscribe()
    return world.subscribe(account=account, template={"billFrequency": "WEEKLY", "standingCharge": 7})


def totals(world: World, job: dict[str, Any]) -> list[tuple[str, str]]:
    found = [world.get(f"/bills/{bill_id}") for bill_id in job["billIds"]]
    return sorted((bill["billingFrequency"], str(bill["billTotal"])) for bill in found)


def test_all_frequencies_of_a_day_share_one_bill(world: World) -> None:
    account = two_frequencies(world)
    job = world.run(**DAY)
    assert totals(world, job) == [("MIXED", "27.00")]
    bill = world.bill(job)
    assert (bill["billFrequencyInterval"], bill["startDate"], bill["endDate"]) == (1, "2026-01-01", "2026-02-01")
    assert world.get(f"/bills/latest/{account['id']}")["id"] == bill["id"]
    assert world.run(**DAY)["billIds"] == job["billIds"]


def test_a_day_of_one_frequency_has_a_bill_of_its_own(world: World) -> None:
    two_frequencies(world)
    job = world.run(lastDateInBillingPeriod="2026-01-17", billingFrequency="WEEKLY")
    assert totals(world, job) == [("MIXED", "7.00")]


def test_a_consolidated_bill_is_recalculated_whole(world: World) -> None:
    account = two_frequencies(world)
    first = world.run(**DAY)
    world.use(account, "2026-01-30T00:00:00Z", 3)
    world.post("/billjobs/recalculate", {"billIds": first["billIds"]})
    world.drain()
    assert totals(world, first) == [("MIXED", "30.00")]


def test_turning_it_on_later_leaves_bills_apart_and_bills_nothing_twice(world: World) -> None:
    world.configure(consolidateBills=False)
    two_frequencies(world)
    apart = world.run(**DAY)
    assert totals(world, apart) == [("MONTHLY", "20.00"), ("WEEKLY", "7.00")]
    world.configure(consolidateBills=True)
    assert world.run(**DAY)["billIds"] == apart["billIds"]
    assert totals(world, world.run(lastDateInBillingPeriod="2026-02-28")) == [("MIXED", "27.00")]


def test_what_is_not_billed_yet_goes_onto_a_new_consolidated_bill(world: World) -> None:
    world.configure(consolidateBills=False)
    two_frequencies(world)
    world.run(**DAY, billingFrequency="WEEKLY")
    world.configure(consolidateBills=True)
    job = world.run(**DAY)
    assert totals(world, job) == [("MIXED", "20.00"), ("WEEKLY", "7.00")]
    world.post("/billjobs/recalculate", {"billIds": job["billIds"]})
    world.drain()
    assert totals(world, job) == [("MIXED", "20.00"), ("WEEKLY", "7.00")]


def test_turning_it_off_later_keeps_the_bill_that_is_there(world: World) -> None:
    two_frequencies(world)
    shared = world.run(**DAY)
    world.configure(consolidateBills=False)
    assert world.run(**DAY)["billIds"] == shared["billIds"]
    assert totals(world, world.run(lastDateInBillingPeriod="2026-03-31", billingFrequency="MONTHLY")) == [
        ("MONTHLY", "20.00")
    ]


def test_a_bill_of_a_contract_stays_apart(world: World) -> None:
    account = two_frequencies(world)
    key = world.org.make("billGroupingKey", exclusive=True)["id"]
    contract = world.org.make("contract", accountId=account["id"], billGroupingKeyId=key)["id"]
    world.subscribe(account=account, template={"standingCharge": 5}, contractId=contract)
    world.subscribe(account=account, template={"standingCharge": 6, "billFrequency": "WEEKLY"}, contractId=contract)
    assert totals(world, world.run(**DAY)) == [("MIXED", "11.00"), ("MIXED", "27.00")]


def test_a_preview_is_of_the_bill_that_a_job_would_make(world: World) -> None:
    account = two_frequencies(world)
    asked = {**DAY, "accountIds": [account["id"]], "billingFrequency": "MONTHLY", "billFrequencyInterval": 1}
    preview = world.post("/bills/preview", asked)
    job = world.run(**DAY)
    assert ([preview["id"]], str(preview["billTotal"])) == (job["billIds"], "27.00")


def test_an_empty_consolidated_bill_is_suppressed(world: World) -> None:
    world.configure(suppressedEmptyBills=True)
    account = world.subscribe(template={"standingCharge": 0})
    world.subscribe(account=account, template={"billFrequency": "WEEKLY", "standingCharge": 0})
    assert world.run(**DAY)["billIds"] == []


def test_a_charge_joins_the_consolidated_bill_of_its_date(world: World) -> None:
    account = two_frequencies(world)
    charge = world.org.make("charge", accountId=account["id"], billDate="2026-02-01", amount=5)
    job = world.run(**DAY)
    assert totals(world, job) == [("MIXED", "32.00")]
    assert world.org.client.get(f"/charges/{charge['id']}").json["billId"] == job["billIds"][0]
    assert totals(world, world.run(**DAY)) == [("MIXED", "32.00")]


def test_what_a_locked_consolidated_bill_cannot_take_goes_onto_a_bill_of_its_own(world: World) -> None:
    account = two_frequencies(world)
    bill = world.bill(world.run(**DAY))
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    world.org.make("charge", accountId=account["id"], billDate="2026-02-01", amount=5)
    assert totals(world, world.run(**DAY)) == [("AD_HOC", "5.00")]

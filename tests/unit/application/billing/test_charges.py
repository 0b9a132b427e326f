"""Charges on the bills of their dates (billing.md 10, W21). Time stands at 15 January 2026."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.test_crashes import deliver_until_done
from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.application.billing.charges import AT_ONCE_MAX
from usance.application.billing.delete_bill import delete_bill
from usance.application.entities.puts import entity_put
from usance.application.ports.entities import Delete
from usance.domain.access import Caller, Statement
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import UnavailableError
from usance.resources.charge import CHARGE

EVERYONE = Caller("", "biller", "SERVICE_USER", (Statement("ALLOW", ("ALL",), ("*",)),))


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(timezone="UTC", creditApplicationOrder=None)
    return world


def charged(world: World, account: dict[str, Any], day: str | None = "2026-01-01", **more: Any) -> dict[str, Any]:
    return world.org.make("charge", accountId=account["id"], billDate=day, **{"amount": 500, **more})


def charge(world: World, made: dict[str, Any]) -> dict[str, Any]:
    return dict(world.org.client.get(f"/charges/{made['id']}").json)


def bills(world: World, job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The bills of a job by frequency and day."""
    found = [world.get(f"/bills/{id_}") for id_ in job["billIds"]]
    return {f"{bill['billingFrequency']} {bill['billDate']}": bill for bill in found}


def test_w21_a_charge_makes_a_bill_of_its_date(world: World) -> None:
    account = world.org.make("account")
    product = world.org.make("product")
    made = charged(
        world, account, name="Onboarding", description="Set-up", notes="hush", accountingProductId=product["id"]
    )
    bill = world.bill(world.run())
    assert (bill["billingFrequency"], bill["billFrequencyInterval"], bill["billTotal"]) == ("AD_HOC", 1, 500)
    assert bill["startDate"] == bill["endDate"] == bill["billDate"] == "2026-01-01"
    [line] = bill["lineItems"]
    assert (line["lineItemType"], line["subtotal"], line["chargeId"]) == ("AD_HOC", 500, made["id"])
    assert (line["description"], line["accountingProductCode"]) == ("Onboarding: Set-up", product["code"])
    assert (line["quantity"], line["units"], line["averageUnitPrice"]) == (1, 1, 500)
    assert line["servicePeriodEndDate"] == "2026-02-01T00:00:00.000000Z"
    assert "hush" not in str(bill)
    assert charge(world, made)["billId"] == bill["id"]
    assert world.get("/lineitems", lineItemType="AD_HOC")["data"][0]["chargeId"] == made["id"]


def test_a_charge_joins_the_bill_of_its_date(world: World) -> None:
    account = world.subscribe()
    made = charged(world, account, amount=None, units=3, unitPrice=Decimal("-1.25"), name="Credit")
    bill = world.bill(world.run())
    assert [(line["lineItemType"], line["subtotal"]) for line in bill["lineItems"]] == [
        ("STANDING_CHARGE", 20),
        ("AD_HOC", Decimal("-3.75")),
    ]
    assert bill["lineItems"][1]["units"] == 3
    assert charge(world, made)["billId"] == bill["id"]


def test_of_two_bills_on_its_date_it_joins_the_one_of_the_shorter_period(world: World) -> None:
    account = world.subscribe(template={"billFrequency": "ANNUALLY"})
    world.subscribe(account=account)
    charged(world, account)
    made = bills(world, world.run())
    assert [line["lineItemType"] for line in made["MONTHLY 2026-01-01"]["lineItems"]] == ["STANDING_CHARGE", "AD_HOC"]
    assert [line["lineItemType"] for line in made["ANNUALLY 2026-01-01"]["lineItems"]] == ["STANDING_CHARGE"]


def test_charges_of_one_day_share_a_bill_and_those_of_earlier_days_are_made_up_for(world: World) -> None:
    account = world.subscribe()
    for day in ("2025-12-10", "2025-12-10", "2025-12-12", "2026-01-01", "2026-01-02"):
        charged(world, account, day)
    made = bills(world, world.run())
    assert {name: len(bill["lineItems"]) for name, bill in made.items()} == {
        "MONTHLY 2026-01-01": 2,
        "AD_HOC 2025-12-10": 2,
        "AD_HOC 2025-12-12": 1,
    }


def test_a_job_of_one_frequency_leaves_the_charges_of_others(world: World) -> None:
    account = world.subscribe()
    late, joins = charged(world, account, "2025-12-10"), charged(world, account)
    assert list(bills(world, world.run(billingFrequency="AD_HOC"))) == ["AD_HOC 2025-12-10"]
    assert charge(world, late)["billId"]
    assert "billId" not in charge(world, joins)
    assert list(bills(world, world.run(billingFrequency="MONTHLY"))) == ["MONTHLY 2026-01-01"]
    assert charge(world, joins)["billId"]


def test_calculating_again_changes_nothing_and_follows_the_charge(world: World) -> None:
    account = world.org.make("account")
    made = charged(world, account)
    first = world.bill(world.run())
    again = world.bill(world.run())
    assert again["lineItems"] == first["lineItems"]
    current = charge(world, made)
    world.org.client.put(f"/charges/{made['id']}", {**current, "amount": 400})
    assert world.bill(world.run())["billTotal"] == 400
    assert world.org.client.delete(f"/charges/{made['id']}").status == 200
    assert world.bill(world.run())["lineItems"] == []


def test_on_a_bill_a_charge_stays_with_its_account_and_date(world: World) -> None:
    account = world.org.make("account")
    made = charged(world, account)
    bill = world.bill(world.run())
    current = charge(world, made)
    for change in ({"billDate": "2026-01-09"}, {"accountId": world.org.make("account")["id"]}):
        answer = world.org.client.put(f"/charges/{made['id']}", {**current, **change})
        assert answer.status == 400
        assert next(iter(change)) in answer.message
        assert bill["id"] in answer.message


def test_deleting_a_bill_frees_its_charges_for_the_next_run(world: World) -> None:
    account = world.org.make("account")
    made = charged(world, account)
    bill = world.bill(world.run())
    assert world.client.delete(f"/bills/{bill['id']}").status == 200
    assert "billId" not in charge(world, made)
    assert world.bill(world.run())["id"] == bill["id"]
    assert charge(world, made)["billId"] == bill["id"]


def test_a_deletion_that_is_killed_frees_charges_with_the_bill_or_not_at_all(world: World) -> None:
    account = world.org.make("account")
    made = charged(world, account)
    bill = world.bill(world.run())
    at, killed = 0, True
    while killed:
        at += 1
        fuse = Fuse(at)
        stores = replace(world.stores, entities=fuse.guard(world.stores.entities), bills=fuse.guard(world.stores.bills))
        try:
            delete_bill(stores, world.org.blobs, replace(EVERYONE, org_id=world.org.id), bill["id"])
            killed = False
        except Killed:
            there = world.client.get(f"/bills/{bill['id']}").status == 200
            assert ("billId" in charge(world, made)) == there, f"killed at step {at}"
            if not there:
                assert world.client.delete(f"/bills/{bill['id']}").status == 404
                assert world.bill(world.run())["id"] == bill["id"]
    assert at > 10


def test_a_bill_takes_and_frees_more_charges_than_one_transaction_holds(world: World) -> None:
    account = world.subscribe()
    every = [charged(world, account, amount=1) for _ in range(2 * AT_ONCE_MAX + 3)]
    bill = world.bill(world.run())
    assert (bill["billTotal"], bill["version"]) == (20 + len(every), 3)
    assert {charge(world, one)["billId"] for one in every} == {bill["id"]}
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    take_off, seen = world.bills.replace, list[Any]()

    def watched(org_id: str, header: Any, **more: Any) -> None:
        take_off(org_id, header, **more)
        lines = len(more["line_items"])
        free = sum("billId" not in charge(world, one) for one in every)
        seen.append((header["status"], header["billTotal"], lines, free))

    world.bills.replace = watched  # type: ignore[method-assign]
    assert world.client.delete(f"/bills/{bill['id']}").status == 200
    assert seen == [("PENDING", 33, 14, 10), ("PENDING", 23, 4, 20)]
    assert ["billId" in charge(world, one) for one in every] == [False] * len(every)


def test_a_bill_whose_deletion_ended_in_the_middle_is_calculated_anew(world: World) -> None:
    account = world.subscribe()
    every = [charged(world, account, amount=1) for _ in range(AT_ONCE_MAX + 2)]
    bill = world.bill(world.run())
    remove = world.bills.delete

    def dies(*_: Any, **__: Any) -> None:
        raise UnavailableError("gone")

    world.bills.delete = dies  # type: ignore[method-assign]
    assert world.client.delete(f"/bills/{bill['id']}").status == 503
    assert world.get(f"/bills/{bill['id']}")["billTotal"] == 22
    approved = world.client.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    assert (approved.status, "was not deleted to the end" in approved.text) == (400, True)
    world.bills.delete = remove  # type: ignore[method-assign]
    assert world.bill(world.run())["lineItems"] == bill["lineItems"]
    assert {charge(world, one)["billId"] for one in every} == {bill["id"]}


def test_what_a_locked_bill_cannot_take_goes_onto_a_bill_of_its_own(world: World) -> None:
    account = world.subscribe()
    bill = world.bill(world.run())
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    made = charged(world, account)
    assert list(bills(world, world.run())) == ["AD_HOC 2026-01-01"]
    assert charge(world, made)["billId"] != bill["id"]
    assert list(bills(world, world.run())) == ["AD_HOC 2026-01-01"]


@pytest.mark.parametrize("locked", ["the day", "the bill"])
def test_a_charge_that_no_bill_can_take_is_told_until_it_is_moved(world: World, locked: str) -> None:
    account = world.org.make("account")
    charged(world, account, "2025-11-20")
    (bill_id,) = world.run()["billIds"]
    world.put(f"/bills/{bill_id}/status", {"status": "APPROVED"})
    if locked == "the day":
        world.put("/billconfig", {"billLockDate": "2025-12-31"})
    else:
        world.put(f"/bills/{bill_id}/lock")
    late = charged(world, account, "2025-11-20")
    world.tick("2026-01-15T12:00:00Z")
    assert not world.events.rows  # a scheduled run would tell every few minutes
    assert world.run()["billIds"] == []
    [(event, _)] = world.events.rows.values()
    told = event.detail["eventData"]["message"]
    assert late["id"] in told
    assert bill_id in told
    moved = {**charge(world, late), "billDate": "2026-01-10"}
    assert world.org.client.put(f"/charges/{late['id']}", moved).status == 200
    assert len(world.run(lastDateInBillingPeriod="2026-01-14")["billIds"]) == 1
    assert len(world.events.rows) == 1


def test_of_many_charges_that_no_bill_can_take_some_are_told_and_what_to_do(world: World) -> None:
    account = world.org.make("account")
    world.put("/billconfig", {"billLockDate": "2025-12-31"})
    late = [charged(world, account, "2025-11-20") for _ in range(40)]
    assert world.run()["billIds"] == []
    [(event, _)] = world.events.rows.values()
    told = event.detail["eventData"]["message"]
    assert late[0]["id"] in told
    assert "and 35 more; give them a later billDate" in told


def test_a_charge_waits_for_a_bill_that_cannot_be_made(world: World) -> None:
    account = world.subscribe(template={"currency": "EUR"})
    made = charged(world, account)
    assert world.run()["billIds"] == []
    world.configure(currencyConversions=[{"from": "EUR", "to": "USD", "multiplier": 2}])
    assert world.bill(world.run())["billTotal"] == 540
    assert charge(world, made)["billId"]


def test_a_charge_is_converted_like_any_item(world: World) -> None:
    account = world.org.make("account")
    charged(world, account, currency="EUR", amount=100)
    assert world.run()["billIds"] == []
    world.configure(currencyConversions=[{"from": "EUR", "to": "USD", "multiplier": Decimal("1.12")}])
    bill = world.bill(world.run())
    assert (bill["billTotal"], bill["lineItems"][0]["conversionRate"]) == (112, Decimal("1.12"))


def billed_after_a_crash(at: int | None) -> tuple[int, list[Any]]:
    """How often a charge is billed that someone moved after a worker died at step `at`, its bill being locked by then."""
    world = World()
    world.configure(timezone="UTC")
    account = world.subscribe()
    made = charged(world, account)
    world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
    fuse = Fuse(at)

    def meanwhile() -> None:
        moved = world.org.client.put(f"/charges/{made['id']}", {**charge(world, made), "billDate": "2026-01-10"})
        assert moved.status in (200, 400)
        for bill in world.all_bills():
            world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
            world.put(f"/bills/{bill['id']}/lock")

    deliver_until_done(world, fuse, meanwhile, calls_of=("bills",))
    world.run(lastDateInBillingPeriod="2026-01-14")
    lines = world.get("/lineitems", lineItemType="AD_HOC")["data"]
    assert [line["billId"] for line in lines] == [charge(world, made)["billId"]]
    return fuse.steps, [line["chargeId"] == made["id"] for line in lines]


def test_a_charge_that_is_moved_after_a_crash_is_on_one_bill() -> None:
    steps, expected = billed_after_a_crash(None)
    assert expected == [True]
    for at in range(1, steps + 1):
        assert billed_after_a_crash(at)[1] == expected, f"killed at step {at}"


def test_a_charge_that_another_bill_took_meanwhile_is_not_billed_twice(world: World) -> None:
    account = world.subscribe()
    made = charged(world, account)
    reads = world.org.store.list_all

    def rival(*args: Any, **more: Any) -> Any:
        found = reads(*args, **more)
        if "unbilledOf" in more["filters"] and found:
            world.org.store.list_all = reads  # type: ignore[method-assign]
            old = charge(world, made)
            taken = {**old, "version": 2, "billId": "other"}
            world.org.store.commit(world.org.id, [entity_put(CHARGE, Proposal(taken, old))])
        return found

    world.org.store.list_all = rival  # type: ignore[method-assign]
    bill = world.bill(world.run())
    assert [line["lineItemType"] for line in bill["lineItems"]] == ["STANDING_CHARGE"]


@pytest.mark.parametrize("change", ["deleted", "moved", "dearer"])
def test_a_charge_that_changes_while_it_is_billed_is_billed_as_it_is(world: World, change: str) -> None:
    account = world.org.make("account")
    made = charged(world, account)
    create, done = world.bills.create, list[bool]()

    def late(*args: Any, **more: Any) -> Any:
        if not done:
            done.append(True)
            if change == "deleted":
                world.org.store.commit(world.org.id, [Delete("charge", made["id"])])
            else:
                to = {"billDate": "2026-01-09"} if change == "moved" else {"amount": 600}
                assert world.org.client.put(f"/charges/{made['id']}", {**charge(world, made), **to}).status == 200
        return create(*args, **more)

    world.bills.create = late  # type: ignore[method-assign]
    bills_made = world.all_bills_of(world.run())
    assert [bill["billTotal"] for bill in bills_made] == ([600] if change == "dearer" else [])
    assert world.events.rows == {}


def test_fees_of_balances_come_last_and_no_credit_pays_for_them(world: World) -> None:
    account = world.subscribe(template={"standingCharge": 0})
    product = world.org.make("product")
    balance = world.org.make("balance", accountId=account["id"], feesAccountingProductId=product["id"])
    fee = {"entityType": "BALANCE", "lineItemType": "BALANCE_FEE", "entityId": balance["id"]}
    charged(world, account, **fee)
    charged(world, account, amount=30)
    world.price(
        world.aggregation["id"],
        planId=world.plan["id"],
        type="GLOBAL_CREDIT",
        pricingBands=[{"lowerLimit": 0, "fixedPrice": 1000, "unitPrice": 0}],
    )
    world.use(account, "2025-12-05T00:00:00Z", 10)
    bill = world.bill(world.run())
    assert [(line["lineItemType"], line["subtotal"]) for line in bill["lineItems"]] == [
        ("USAGE", 10),
        ("AD_HOC", 30),
        ("USAGE_CREDIT", -40),
        ("BALANCE_FEE", 500),
    ]
    last = bill["lineItems"][-1]
    assert (last["balanceId"], last["accountingProductId"]) == (balance["id"], product["id"])


def test_scheduled_billing_bills_a_charge_when_its_day_comes(world: World) -> None:
    world.configure(scheduledBillInterval=24, suppressedEmptyBills=True)
    account = world.org.make("account")
    charged(world, account, "2026-01-16")
    world.tick("2026-01-15T00:00:00Z")
    assert world.all_bills() == []
    world.tick("2026-01-16T00:00:00Z")
    [bill] = world.all_bills()
    assert (bill["billDate"], bill["version"]) == ("2026-01-16", 1)
    world.tick("2026-01-17T00:00:00Z")
    assert world.all_bills() == [bill]


def test_charges_are_previewed(world: World) -> None:
    account = world.org.make("account")
    asked = {"accountIds": [account["id"]], "billingFrequency": "AD_HOC", "billFrequencyInterval": 1}
    made = charged(world, account, "2026-01-15")
    assert world.post("/bills/preview", asked)["billTotal"] == 500
    assert "billId" not in charge(world, made)
    answer = world.client.post("/bills/preview", {**asked, "lastDateInBillingPeriod": "2026-03-01"})
    assert answer.status == 400
    assert "charge" in answer.message


def test_a_recalculation_job_keeps_the_charges_of_a_bill(world: World) -> None:
    account = world.org.make("account")
    charged(world, account)
    bill = world.bill(world.run())
    world.post("/billjobs/recalculate", {"billIds": [bill["id"]]})
    world.drain()
    assert world.get(f"/bills/{bill['id']}")["billTotal"] == 500


@pytest.mark.parametrize("frequency", ["AD_HOC", "MIXED"])
def test_a_plan_without_periods_bills_nothing_and_leaves_charges_to_their_dates(world: World, frequency: str) -> None:
    account = world.subscribe(template={"billFrequency": frequency})
    world.use(account, "2025-12-05T00:00:00Z", 10)
    charged(world, account)
    bill = world.bill(world.run())
    assert (bill["billingFrequency"], bill["billTotal"]) == ("AD_HOC", 500)


@pytest.mark.parametrize(("charges", "reads"), [(0, 1), (1, 2)])
def test_an_account_without_charges_is_asked_for_them_once_a_run(
    world: World, monkeypatch: pytest.MonkeyPatch, charges: int, reads: int
) -> None:
    account = world.subscribe()
    for _ in range(charges):
        charged(world, account)
    asked: list[Any] = []
    list_all = world.org.store.list_all

    def counting(org_id: str, type_: str, **more: Any) -> Any:
        asked.append(more["filters"])
        return list_all(org_id, type_, **more)

    monkeypatch.setattr(world.org.store, "list_all", counting)
    assert len(world.run()["billIds"]) == 1
    assert asked.count({"unbilledOf": [account["id"]]}) == reads


def test_a_charge_does_not_wait_for_a_bill_that_would_only_be_calculated_again(world: World) -> None:
    account = world.subscribe(template={"standingChargeBillInAdvance": True}, startDate="2025-11-01T00:00:00Z")
    ended = {**world.account_plan, "endDate": "2025-12-15T00:00:00Z"}
    assert world.org.client.put(f"/accountplans/{ended['id']}", ended).status == 200
    charged(world, account, "2025-12-01")  # the bill of that day was never made
    assert "AD_HOC 2025-12-01" in bills(world, world.run())

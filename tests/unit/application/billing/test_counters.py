"""Counters that are set through the API, on bills."""

from decimal import Decimal

from tests.unit.application.billing.world import World

BANDS = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 2}, {"lowerLimit": 20, "fixedPrice": 0, "unitPrice": 3}]


def test_w6_seats_are_billed_from_their_adjustments() -> None:
    world = World()
    world.configure(timezone="UTC")
    account = world.subscribe(template={"standingCharge": 0}, startDate="2025-12-01T00:00:00Z")
    pricing = world.price_counter(
        BANDS, planTemplateId=world.plan["planTemplateId"], cumulative=True, proRateAdjustmentDebit=False
    )
    counter_id = pricing["counterId"]
    for day, value in (("2025-12-01", 15), ("2025-12-15", 18)):
        world.org.make("counterAdjustment", counterId=counter_id, accountId=account["id"], date=day, value=value)
    opening, closing = (world.get(f"/bills/{id_}") for id_ in sorted(world.run()["billIds"]))
    assert [(line["lineItemType"], line["subtotal"]) for line in opening["lineItems"]] == [
        ("COUNTER_RUNNING_TOTAL_CHARGE", 30)
    ]
    debit, running = closing["lineItems"]
    assert (debit["lineItemType"], debit["subtotal"], debit["quantity"]) == ("COUNTER_ADJUSTMENT_DEBIT", 6, 3)
    assert (running["subtotal"], running["units"], running["unit"]) == (36, 18, "seats")
    for line in (debit, running):
        assert (line["counterId"], line["pricingId"]) == (counter_id, pricing["id"])
        assert line["planId"] == world.plan["id"]
    assert running["servicePeriodStartDate"] == "2026-01-01T00:00:00.000000Z"
    listed = world.get(f"/bills/{closing['id']}/lineitems")["data"]
    assert [line["counterId"] for line in listed] == [counter_id] * 2
    assert world.get("/lineitems", lineItemType="COUNTER_ADJUSTMENT_DEBIT")["data"][0]["id"] == debit["id"]


def test_an_adjustment_that_comes_late_changes_the_bill_when_it_is_calculated_again() -> None:
    world = World()
    world.configure(timezone="UTC")
    account = world.subscribe(template={"standingCharge": 0}, startDate="2025-12-01T00:00:00Z")
    pricing = world.price_counter(BANDS, planId=world.plan["id"], cumulative=True, runningTotalBillInAdvance=False)
    counter_id = pricing["counterId"]
    adjust = {"counterId": counter_id, "accountId": account["id"]}
    world.org.make("counterAdjustment", **adjust, date="2025-12-01", value=10)
    assert world.bill(world.run())["billTotal"] == 20
    world.org.make("counterAdjustment", **adjust, date="2025-12-17", value=20)
    assert world.bill(world.run())["billTotal"] == Decimal("29.68")  # 20 more for 15 of 31 days

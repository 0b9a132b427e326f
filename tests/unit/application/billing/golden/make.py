"""Writes a record and what it gives: `python -m tests.unit.application.billing.golden.make NAME`.

A record that is committed is never written anew: bills exist that were made of such. When `FORMAT` changes, or the engine takes
into account what no record here has, one more is made. The bill is a parent's of December 2025, in time of Berlin, priced in
euros and paid in dollars, with something of most that a bill can have.
"""

import json
import sys
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tests.unit.application.billing.world import World
from usance.application.billing.records.explain import explained
from usance.application.billing.records.record import RECORD, BillRecord, Calculated, key_of
from usance.resources import wire

FOLDER: Final = Path(__file__).parent
YEAR: Final = {"startDate": "2025-01-01T00:00:00Z", "endDate": "2027-01-01T00:00:00Z"}


def given(record: BillRecord) -> dict[str, bytes]:
    """What a record gives: the bytes of its bill, and the explanation of each of its line items."""
    bill = Calculated.of(record.decide())
    told = {line["id"]: explained(record, line["id"]) for line in bill.line_items}
    return {"bill": bill.text + b"\n", "explained": wire.dumps(told) + b"\n"}


def bands(*rows: tuple[Any, Any, Any]) -> list[dict[str, Any]]:
    """Pricing bands of (lower limit, fixed price, unit price)."""
    return [{"lowerLimit": at, "fixedPrice": Decimal(fixed), "unitPrice": Decimal(unit)} for at, fixed, unit in rows]


def recorded() -> bytes:
    """The record of the bill, as its canonical JSON."""
    world = World()
    conversions = [{"from": "EUR", "to": "USD", "multiplier": Decimal("1.12")}]
    world.configure(timezone="Europe/Berlin", creditApplicationOrder=None, currencyConversions=conversions)
    parent = world.org.make("account", purchaseOrderNumber="PO-7")
    template = {"currency": "EUR", "standingCharge": 20, "minimumSpend": 900}
    account = world.subscribe(account=parent, template=template, startDate="2025-11-15T00:00:00Z")
    child = world.org.make("account", parentAccountId=parent["id"])
    _price_everything(world)
    for who, at, value in ((account, "11-20", 400), (account, "12-03", 620), (child, "12-24", 80)):
        world.use(who, f"2025-{at}T10:00:00Z", value)
    _set_seats(world, account)
    world.org.make("charge", accountId=account["id"], billDate="2026-01-01", amount=50, currency="USD", name="Set-up")
    prepaid = {"amount": 30, "amountPrePaid": 10, "overageSurchargePercent": 5, **YEAR}
    fees = [{"date": "2026-01-01", "amount": 20, **_service()}]
    world.org.make("commitment", accountId=account["id"], currency="USD", feeDates=fees, **prepaid)
    balance = world.org.make("balance", accountId=account["id"], **YEAR)
    assert world.org.client.post(f"/balances/{balance['id']}/transactions", {"amount": 12}).status == 200
    (bill,) = [one for one in world.all_bills_of(world.run()) if one["accountId"] == account["id"]]
    stored = world.bills.get_stored(world.org.id, bill["id"])
    assert stored
    return zlib.decompress(world.org.blobs.get(key_of(world.org.id, bill["id"], stored.private[RECORD])))


def _price_everything(world: World) -> None:
    plan_id, tokens = world.plan["id"], world.aggregation["id"]
    (flat,) = world.org.client.get("/pricings", planId=plan_id).json["data"]
    assert world.org.client.delete(f"/pricings/{flat['id']}").status == 200
    tiers = bands((0, 0, "0.15"), (500, 5, "0.10"))
    world.price(tokens, planId=plan_id, cumulative=True, tiersSpanPlan=True, pricingBands=tiers, minimumSpend=100)
    credit = bands((0, 3, 0))
    world.price(tokens, planId=plan_id, type="GLOBAL_CREDIT", pricingBands=credit, description="Welcome")
    compound = world.org.make(
        "compoundAggregation",
        name="Free of charge",
        calculation=f"Math.max(aggregation.{world.aggregation['code']} - 100, 0) / 7",
        rounding="UP",
        quantityPerUnit=10,
        unit="tens",
    )
    priced = {"aggregationId": None, "compoundAggregationId": compound["id"], "planId": plan_id}
    dates = {"startDate": "2025-01-01T00:00:00Z", "pricingBands": bands((0, 0, "1.25"))}
    world.org.make("pricing", **priced, **dates)


def _set_seats(world: World, account: dict[str, Any]) -> None:
    counter_id = world.price_counter(bands((0, 0, 2), (20, 0, 3)), planId=world.plan["id"], cumulative=True)[
        "counterId"
    ]
    for day, value in (("2025-12-01", 15), ("2025-12-15", 25)):
        world.org.make("counterAdjustment", counterId=counter_id, accountId=account["id"], date=day, value=value)


def _service() -> dict[str, str]:
    return {"servicePeriodStartDate": "2025-12-01T00:00:00Z", "servicePeriodEndDate": "2026-01-01T00:00:00Z"}


def main(name: str) -> None:
    """Write the record and what it gives; refuses to write one anew."""
    text = recorded()
    path = FOLDER / f"{name}.record.json"
    if path.exists():
        sys.exit(f"{path} is there already, and stays")
    path.write_bytes(json.dumps(json.loads(text), indent=1, ensure_ascii=False).encode() + b"\n")
    for kind, body in given(BillRecord.unpack(zlib.compress(text))).items():
        (FOLDER / f"{name}.{kind}.json").write_bytes(body)


if __name__ == "__main__":
    main(sys.argv[1])

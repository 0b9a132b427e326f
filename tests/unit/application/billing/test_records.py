"""What a bill was made of: recorded, explained, calculated again."""

import json
from dataclasses import is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from tests.unit.application.billing.world import World
from tests.unit.domain.billing.agreements import aggregation, inputs, plan, pricing, terms
from usance.application.billing.records import codec
from usance.application.billing.records.record import RECORD, Answer, BillRecord, key_of, read_record
from usance.application.billing.records.replay import replay_bill
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.pricings import Compound
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.domain.kernel.quantity import Rounding
from usance.domain.kernel.timezones import time_zone
from usance.domain.metering.evidence import Evidence


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bill(world: World) -> dict[str, Any]:
    """60 of usage in December, 20 of standing charge."""
    account = world.subscribe()
    world.use(account, "2025-12-03T10:00:00Z", 40)
    world.use(account, "2025-12-20T10:00:00Z", 20)
    return world.bill(world.run())


def replayed(world: World, bill: dict[str, Any]) -> dict[str, Any]:
    return dict(replay_bill(world.bills, world.org.blobs, world.org.id, bill["id"]))


def line(bill: dict[str, Any], type_: str) -> dict[str, Any]:
    (found,) = [item for item in bill["lineItems"] if item["lineItemType"] == type_]
    return dict(found)


def explained(world: World, bill: dict[str, Any], type_: str) -> dict[str, Any]:
    return dict(world.get(f"/bills/{bill['id']}/lineitems/{line(bill, type_)['id']}/explain"))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "UTC+5:30", "-3"])
def test_a_record_reads_as_it_was_written(zone: str) -> None:
    shared = aggregation(segments=((("region", "eu"),),), default_value=Decimal("0.10"))
    compound = Compound("c", "A seat", "1", (("tokens", shared),), "seat", Decimal(1), Rounding.NONE)
    prices = (
        pricing("one", aggregation=shared),
        pricing("two", aggregation=shared, end=datetime(2026, 1, 1, tzinfo=UTC)),
        pricing("three", aggregation=compound),
    )
    fields = {"seats": Decimal("1.50"), "tier": "1.50"}
    given = inputs("2026-01-01", plan(*prices, custom_fields=fields), terms=terms(zone_name=zone, zone=time_zone(zone)))
    record = BillRecord(given, (Answer(Decimal("1.50"), Evidence(1, 2, 3, "0f")), Answer(None)))
    text = codec.encode(record)
    again = codec.decode(text, BillRecord)
    assert codec.encode(again) == text
    assert (again.inputs.plans, again.answers) == (record.inputs.plans, record.answers)
    assert text.count(b'"segments"') == 1  # however many prices share it


def test_equal_inputs_are_recorded_alike_however_they_share() -> None:
    apart = plan(pricing("one", aggregation=aggregation()), pricing("two", rows=((0, 0, "1.10"),)))
    text = codec.encode(BillRecord(inputs("2026-01-01", apart), ()))
    assert codec.encode(codec.decode(text, BillRecord)) == text
    assert b'"1.10"' in text


def test_every_type_of_the_inputs_can_be_recorded() -> None:
    """A union of dataclasses, or a type that msgspec does not know, would be found only when a bill has one."""
    seen: set[type] = set()

    def visit(hint: Any) -> None:
        if isinstance(hint, type) and is_dataclass(hint) and hint not in seen:
            seen.add(hint)
            for part in get_type_hints(hint).values():
                visit(part)
        if not codec._mentions(hint):
            msgspec.convert({}, dict[str, hint], dec_hook=codec._from_text)
            return
        for part in get_args(hint):  # it is taken apart
            if part is not Ellipsis:
                visit(part)

    visit(BillRecord)
    assert BillingInputs in seen


def test_a_usage_line_is_explained(world: World, bill: dict[str, Any]) -> None:
    found = explained(world, bill, "USAGE")
    (usage,) = found["usage"]
    assert (usage["value"], usage["count"]) == (60, 2)
    assert (usage["first"][:10], usage["last"][:10], len(usage["digest"])) == ("2025-12-03", "2025-12-20", 64)
    assert (found["pricing"]["id"], found["pricing"]["version"]) == (line(bill, "USAGE")["pricingId"], 1)
    assert found["units"] == {"quantity": 60, "quantityPerUnit": 1, "exact": 60, "rounding": "NONE", "units": 60}
    assert [band["bandSubtotal"] for band in found["bandUsage"]] == [60]
    assert (found["rounding"]["exact"], found["rounding"]["result"], found["rounding"]["roundingMode"]) == (
        60,
        60,
        "HALF_UP",
    )
    assert (found["conversion"]["from"], found["conversion"]["conversionRate"], found["conversion"]["result"]) == (
        "USD",
        1,
        60,
    )


def test_a_proration_is_explained(world: World) -> None:
    world.subscribe(startDate="2025-12-15T00:00:00Z")
    found = explained(world, world.bill(world.run()), "STANDING_CHARGE")
    (step,) = found["workings"]
    assert (step["step"], step["given"]) == ("PRORATED", {"amount": 20, "days": 17, "ofDays": 31})
    assert str(found["rounding"]["exact"]).startswith("10.967741935")
    assert (found["rounding"]["result"], found["usage"]) == (Decimal("10.97"), [])


def test_a_memo_is_explained_by_who_wrote_it(world: World, bill: dict[str, Any]) -> None:
    usage = line(bill, "USAGE")
    memo = world.post(
        f"/bills/{bill['id']}/creditlineitems",
        {
            "productId": usage["productId"],
            "accountingProductId": usage["productId"],
            "amount": 5,
            "description": "Goodwill",
            "referencedBillId": bill["id"],
            "referencedLineItemId": usage["id"],
            "servicePeriodStartDate": "2025-12-01T00:00:00Z",
            "servicePeriodEndDate": "2026-01-01T00:00:00Z",
        },
    )
    found = world.get(f"/bills/{bill['id']}/lineitems/{memo['id']}/explain")
    assert found["writtenByHand"]["createdBy"] == memo["createdBy"]
    assert replayed(world, bill)["equal"]


def test_a_line_that_is_not_there_is_not_found(world: World, bill: dict[str, Any]) -> None:
    assert world.client.get(f"/bills/{bill['id']}/lineitems/none/explain").status == 404
    assert world.client.get("/bills/none/lineitems/none/explain").status == 404
    assert world.client.get("/bills/none/record").status == 404


def test_a_bill_is_replayed_from_its_record_whatever_changed_since(world: World, bill: dict[str, Any]) -> None:
    world.price(world.aggregation["id"], planId=world.plan["id"], startDate="2025-06-01T00:00:00Z")
    world.configure(timezone="Europe/Berlin", daysBeforeBillDue=9)
    found = replayed(world, bill)
    assert (found["equal"], found["differences"]) == (True, [])
    assert found["storedDigest"] == found["recalculatedDigest"]


def test_a_replay_names_what_was_changed(world: World, bill: dict[str, Any]) -> None:
    usage = line(bill, "USAGE")
    stored = world.bills.get_stored(world.org.id, bill["id"])
    assert stored
    items = [dict(item) for item in world.bills.line_items(world.org.id, bill["id"])]
    for item in items:
        if item["id"] == usage["id"]:
            item["units"] = 61
    header = {**stored.header, "version": int(stored.header["version"]) + 1}
    world.bills.replace(
        world.org.id, header, expected_version=int(stored.header["version"]), line_items=items, private=stored.private
    )
    found = replayed(world, bill)
    assert not found["equal"]
    assert found["differences"] == [{"lineItemId": usage["id"], "field": "units", "stored": 61, "recalculated": 60}]


def test_a_bill_calculated_again_keeps_one_record(world: World, bill: dict[str, Any]) -> None:
    before = world.bills.get_stored(world.org.id, bill["id"])
    world.use({"id": bill["accountId"]}, "2025-12-28T10:00:00Z", 4)
    world.run()
    kept = [key for key in world.org.blobs.objects if "/bill-records/" in key]
    after = world.bills.get_stored(world.org.id, bill["id"])
    assert before
    assert after
    assert kept == [key_of(world.org.id, bill["id"], after.private[RECORD])]
    assert replayed(world, bill)["equal"]
    assert explained(world, bill, "USAGE")["usage"][0]["count"] == 3


def test_a_calculation_that_comes_too_late_leaves_no_record(world: World, bill: dict[str, Any]) -> None:
    world.use({"id": bill["accountId"]}, "2025-12-28T10:00:00Z", 4)
    stored_by, late = world.bills.replace, list[bool]()

    def contested(org_id: str, header: Any, **more: Any) -> None:
        if not late:
            late.append(True)
            world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
        stored_by(org_id, header, **more)

    world.bills.replace = contested  # type: ignore[method-assign]
    world.run()
    after = world.bills.get_stored(world.org.id, bill["id"])
    assert after
    assert after.header["version"] == bill["version"] + 2
    kept = [key for key in world.org.blobs.objects if "/bill-records/" in key]
    assert kept == [key_of(world.org.id, bill["id"], after.private[RECORD])]


def test_a_record_stays_when_nobody_knows_whether_its_bill_was_stored(world: World, bill: dict[str, Any]) -> None:
    world.use({"id": bill["accountId"]}, "2025-12-28T10:00:00Z", 4)
    stored_by, answers = world.bills.replace, [UnavailableError("no answer"), VersionConflictError("no answer")]

    def unsure(org_id: str, header: Any, **more: Any) -> None:
        stored_by(org_id, header, **more)
        if answers:
            raise answers.pop()

    world.bills.replace = unsure  # type: ignore[method-assign]
    for fault in (False, True):
        world.post("/billjobs", {"lastDateInBillingPeriod": "2025-12-31"})
        if fault:
            with pytest.raises(UnavailableError):
                world.drain()
        world.drain()
        assert replayed(world, bill)["equal"]


def test_the_record_goes_with_its_bill(world: World, bill: dict[str, Any]) -> None:
    assert world.client.delete(f"/bills/{bill['id']}").status == 200
    assert not [key for key in world.org.blobs.objects if "/bill-records/" in key]
    with pytest.raises(NotFoundError):
        replayed(world, bill)


def test_the_record_can_be_downloaded(world: World, bill: dict[str, Any]) -> None:
    found = world.get(f"/bills/{bill['id']}/record")
    assert found["recordId"] in found["downloadUrl"]
    assert found["format"] == 1


def test_a_bill_without_a_record_says_so(world: World) -> None:
    with pytest.raises(InvalidInputError, match="before records were kept"):
        read_record(world.org.blobs, world.org.id, "bill", {})


def test_a_record_is_plain_json(world: World, bill: dict[str, Any]) -> None:
    stored = world.bills.get_stored(world.org.id, bill["id"])
    assert stored
    record = read_record(world.org.blobs, world.org.id, bill["id"], stored.private)
    document = json.loads(codec.encode(record))
    assert document["value"]["format"] == 1
    assert [answer["value"] for answer in document["value"]["answers"]] == ["60"]


def test_a_line_item_has_its_usage_by_the_day(world: World, bill: dict[str, Any]) -> None:
    path = f"/bills/{bill['id']}/lineitems"
    usage, standing = (line(bill, type_)["id"] for type_ in ("USAGE", "STANDING_CHARGE"))
    url = world.get(f"{path}/{usage}/usage/json")["downloadUrl"]
    assert world.get(f"{path}/{usage}/usage/json")["downloadUrl"] == url
    found = json.loads(world.org.blobs.fetch(url)[0])
    (shown,) = found["lineItems"]
    assert (found["billId"], shown["lineItemId"], shown["quantity"]) == (bill["id"], usage, 60)
    assert [(row["start"][:10], row["measures"]["tokens"]["SUM"]) for row in shown["usage"]] == [
        ("2025-12-03", 40),
        ("2025-12-20", 20),
    ]
    (without,) = json.loads(world.org.blobs.fetch(world.get(f"{path}/{standing}/usage/json")["downloadUrl"])[0])[
        "lineItems"
    ]
    assert (without["lineItemId"], without["usage"]) == (standing, [])
    flags = {item["id"]: item["jsonUsageGenerated"] for item in world.get(path)["data"]}
    assert (flags[usage], flags[standing]) == (True, False)


def test_the_usage_of_no_line_item_is_not_found(world: World, bill: dict[str, Any]) -> None:
    usage = line(bill, "USAGE")["id"]
    for path in (f"/bills/{bill['id']}/lineitems/{bill['id']}", f"/bills/{usage}/lineitems/{usage}"):
        assert world.client.get(f"{path}/usage/json").status == 404

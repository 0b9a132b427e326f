"""Corrections of locked bills: late usage, proposed, put onto the open bill once."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Fuse, Killed
from usance.application.billing.corrections import apply
from usance.application.billing.corrections.apply import correct_bill
from usance.application.billing.corrections.history import TYPE
from usance.application.billing.records.examine import Examining
from usance.domain.access import Caller, Statement
from usance.domain.billing.corrections import CORRECTED_MAX, check_size, differences
from usance.domain.kernel.errors import InvalidInputError


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def account(world: World) -> dict[str, Any]:
    account = world.subscribe()
    world.use(account, "2025-11-03T10:00:00Z", 40)
    return account


@pytest.fixture
def locked(world: World, account: dict[str, Any]) -> dict[str, Any]:
    """November: 40 of usage and 20 of standing charge, locked."""
    assert account
    bill = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    return dict(world.put(f"/bills/{bill['id']}/lock"))


@pytest.fixture
def open_bill(world: World, locked: dict[str, Any]) -> dict[str, Any]:
    """December: 20 of standing charge."""
    assert locked
    return world.bill(world.run())


def proposal(world: World, bill: dict[str, Any]) -> dict[str, Any]:
    return dict(world.get(f"/bills/{bill['id']}/correction"))


def correct(world: World, bill: dict[str, Any], **body: Any) -> dict[str, Any]:
    return dict(world.post(f"/bills/{bill['id']}/correction", body))


def total(world: World, bill: dict[str, Any]) -> Decimal:
    return Decimal(world.get(f"/bills/{bill['id']}")["billTotal"])


def memos(world: World, bill: dict[str, Any]) -> list[dict[str, Any]]:
    lines = world.get(f"/bills/{bill['id']}")["lineItems"]
    return [line for line in lines if line["lineItemType"] in ("CREDIT_MEMO", "DEBIT_MEMO")]


def test_late_usage_is_charged_though_a_commitment_had_something_left(world: World, account: dict[str, Any]) -> None:
    dates = {"startDate": "2025-11-01", "endDate": "2026-11-01"}
    body = {"accountId": account["id"], "currency": "USD", "amount": 1000, "amountPrePaid": 1000, **dates}
    commitment = world.org.make("commitment", **body)
    bill = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    assert bill["billTotal"] == 0
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    world.use(account, "2025-11-20T10:00:00Z", 5)
    found = proposal(world, bill)
    assert [(one["lineItemType"], one["difference"]) for one in found["lineItems"]] == [("USAGE", 5)]
    (drawn,) = world.org.store.get_many(world.org.id, "commitment", [commitment["id"]])
    assert drawn["amountSpent"] == 60


def test_nothing_is_proposed_while_usage_is_what_was_billed(world: World, locked: dict[str, Any]) -> None:
    found = proposal(world, locked)
    assert (found["count"], found["total"], found["lineItems"]) == (0, 0, [])


def test_late_usage_is_proposed_line_by_line_and_nothing_is_written(
    world: World, account: dict[str, Any], locked: dict[str, Any]
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)
    (usage,) = [line for line in locked_lines(world, locked) if line["lineItemType"] == "USAGE"]
    found = proposal(world, locked)
    (line,) = found["lineItems"]
    assert (found["currency"], found["count"], found["total"]) == ("USD", 1, 7)
    assert (line["lineItemId"], line["billed"], line["recalculated"], line["difference"]) == (usage["id"], 40, 47, 7)
    assert world.org.store.get(world.org.id, TYPE, locked["id"]) is None


def locked_lines(world: World, bill: dict[str, Any]) -> list[dict[str, Any]]:
    return list(world.get(f"/bills/{bill['id']}")["lineItems"])


def test_a_correction_is_a_debit_on_the_open_bill_that_stays_there(
    world: World, account: dict[str, Any], locked: dict[str, Any], open_bill: dict[str, Any]
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)
    made = correct(world, locked)
    assert (made["targetBillId"], made["total"]) == (open_bill["id"], 7)
    (memo,) = memos(world, open_bill)
    assert (memo["lineItemType"], memo["subtotal"], memo["referencedBillId"]) == ("DEBIT_MEMO", 7, locked["id"])
    assert memo["productId"] == locked_lines(world, locked)[0]["productId"]
    assert memo["description"].startswith("Correction of 2025-12-01: ")
    assert total(world, open_bill) == 27
    assert world.get(f"/bills/{open_bill['id']}/debitlineitems")["data"][0]["amount"] == 7
    world.use(account, "2025-12-24T10:00:00Z", 1)
    assert total(world, world.bill(world.run())) == 28
    assert world.get(f"/bills/{locked['id']}")["billTotal"] == 60


def test_usage_that_became_less_is_a_credit(
    world: World, account: dict[str, Any], locked: dict[str, Any], open_bill: dict[str, Any]
) -> None:
    world.use(account, "2025-11-04T10:00:00Z", -15)
    correct(world, locked)
    assert [(memo["lineItemType"], memo["subtotal"]) for memo in memos(world, open_bill)] == [("CREDIT_MEMO", -15)]
    assert total(world, open_bill) == 5


def test_a_line_that_the_locked_bill_never_had_is_corrected_too(world: World) -> None:
    account = world.subscribe()
    bill = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    december = world.bill(world.run())
    world.use(account, "2025-11-10T10:00:00Z", 3)
    correct(world, bill)
    assert [memo["subtotal"] for memo in memos(world, december)] == [3]
    assert proposal(world, bill)["count"] == 0


def test_a_correction_is_made_once_and_later_usage_proposes_only_the_rest(
    world: World, account: dict[str, Any], locked: dict[str, Any], open_bill: dict[str, Any]
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)
    correct(world, locked)
    again = correct(world, locked)
    assert (again["count"], "targetBillId" in again, total(world, open_bill)) == (0, False, 27)
    world.use(account, "2025-11-29T23:00:00Z", 2)
    (line,) = proposal(world, locked)["lineItems"]
    assert (line["billed"], line["recalculated"], line["corrected"], line["difference"]) == (40, 49, 7, 2)
    correct(world, locked)
    assert [memo["subtotal"] for memo in memos(world, open_bill)] == [7, 2]
    assert total(world, open_bill) == 29


def test_a_correction_that_is_taken_off_is_proposed_again(
    world: World, account: dict[str, Any], locked: dict[str, Any], open_bill: dict[str, Any]
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)
    correct(world, locked)
    (memo,) = memos(world, open_bill)
    assert world.client.delete(f"/bills/{open_bill['id']}/debitlineitems/{memo['id']}").status == 200
    assert proposal(world, locked)["total"] == 7
    correct(world, locked)
    assert total(world, open_bill) == 27


def test_prices_that_changed_since_do_not_matter(world: World, account: dict[str, Any], locked: dict[str, Any]) -> None:
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 100}]
    world.price(world.aggregation["id"], planId=world.plan["id"], startDate="2025-11-01T00:00:00Z", pricingBands=bands)
    assert proposal(world, locked)["count"] == 0
    world.use(account, "2025-11-30T23:00:00Z", 7)
    assert proposal(world, locked)["total"] == 7


def test_a_request_that_dies_at_any_step_is_whole_or_not_there() -> None:
    def ready() -> tuple[World, dict[str, Any], dict[str, Any]]:
        world = World()
        account = world.subscribe()
        world.use(account, "2025-11-03T10:00:00Z", 40)
        locked = lock(world, world.bill(world.run(lastDateInBillingPeriod="2025-11-30")))
        open_bill = world.bill(world.run())
        world.use(account, "2025-11-30T23:00:00Z", 7)
        return world, locked, open_bill

    def guarded(world: World, fuse: Fuse) -> Examining:
        stores = replace(world.stores, bills=fuse.guard(world.stores.bills))  # nothing else is written to
        return Examining(stores, world.usage, world.org.blobs)

    world, locked, _ = ready()
    whole = Fuse()
    correct_bill(guarded(world, whole), caller(world), locked["id"], {})
    assert whole.steps > 10
    for at in range(1, whole.steps + 1):
        world, locked, open_bill = ready()
        with pytest.raises(Killed):
            correct_bill(guarded(world, Fuse(at)), caller(world), locked["id"], {})
        posted = [memo["subtotal"] for memo in memos(world, open_bill)]
        answer = correct(world, locked)
        made = [line["difference"] for line in answer["lineItems"]]
        assert sorted([posted, made]) == [[], [7]], f"killed at step {at}"  # what is answered is what was made
        assert ("targetBillId" in answer) == bool(made)
        assert ([memo["subtotal"] for memo in memos(world, open_bill)], total(world, open_bill)) == ([7], 27)


def caller(world: World) -> Caller:
    return Caller(world.org.id, "biller", "SERVICE_USER", (Statement("ALLOW", ("ALL",), ("*",)),))


def lock(world: World, bill: dict[str, Any]) -> dict[str, Any]:
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    return dict(world.put(f"/bills/{bill['id']}/lock"))


def test_two_requests_at_once_make_one_correction(
    world: World,
    account: dict[str, Any],
    locked: dict[str, Any],
    open_bill: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)
    propose, racing = apply.propose, [True]

    def slow(*words: Any) -> Any:
        found = propose(*words)
        if racing.pop() if racing else False:
            correct(world, locked)  # a whole other request, after this one has looked
        return found

    monkeypatch.setattr(apply, "propose", slow)
    answer = world.client.post(f"/bills/{locked['id']}/correction", {})
    assert (answer.status, "another request corrected the bill" in answer.text) == (409, True)
    assert [memo["subtotal"] for memo in memos(world, open_bill)] == [7]


def closed(world: World, account: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """November, locked by the lock date, and December, which has its correction of 7."""
    november = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    world.put(f"/bills/{november['id']}/status", {"status": "APPROVED"})
    world.put("/billconfig", {"billLockDate": "2025-11-30"})
    december = world.bill(world.run())
    world.use(account, "2025-11-30T23:00:00Z", 7)
    correct(world, november)
    return november, december


def test_a_corrected_bill_stays_as_it_is_when_the_lock_date_is_moved_back(
    world: World, account: dict[str, Any]
) -> None:
    november, december = closed(world, account)
    world.put("/billconfig", {})
    assert world.run(lastDateInBillingPeriod="2025-11-30")["billIds"] == []
    for refused in (
        world.client.post("/billjobs/recalculate", {"billIds": [november["id"]]}),
        world.client.delete(f"/bills/{november['id']}"),
        world.client.get(f"/bills/{november['id']}/correction"),
    ):
        assert (refused.status, december["id"] in refused.text) == (400, True)
    world.tick("2026-01-15T13:00:00Z")
    assert (total(world, november), total(world, december)) == (60, 27)


def test_a_bill_whose_corrections_were_taken_off_is_calculated_again(world: World, account: dict[str, Any]) -> None:
    november, december = closed(world, account)
    world.put("/billconfig", {})
    (memo,) = memos(world, december)
    assert world.client.delete(f"/bills/{december['id']}/debitlineitems/{memo['id']}").status == 200
    world.post("/billjobs/recalculate", {"billIds": [november["id"]]})
    world.drain()
    assert (total(world, november), total(world, december)) == (67, 20)
    assert world.client.delete(f"/bills/{november['id']}").status == 200


def test_a_bill_whose_corrections_went_with_their_bill_is_calculated_again(
    world: World, account: dict[str, Any]
) -> None:
    november, december = closed(world, account)
    world.put("/billconfig", {})
    assert world.client.delete(f"/bills/{december['id']}").status == 200
    assert world.run(lastDateInBillingPeriod="2025-11-30")["billIds"] == [november["id"]]
    assert total(world, november) == 67


def test_a_bill_that_is_locked_again_is_corrected_by_the_rest(world: World, account: dict[str, Any]) -> None:
    november, december = closed(world, account)
    world.put("/billconfig", {})
    world.use(account, "2025-11-29T23:00:00Z", 2)
    world.run(lastDateInBillingPeriod="2025-11-30")
    lock(world, november)
    assert correct(world, november)["total"] == 2
    assert (total(world, november), total(world, december)) == (60, 29)


def test_a_charge_of_the_day_of_a_corrected_bill_goes_onto_a_bill_of_its_own(
    world: World, account: dict[str, Any]
) -> None:
    november, _ = closed(world, account)
    world.put("/billconfig", {})
    world.org.make("charge", accountId=account["id"], billDate="2025-12-01", amount=500)
    job = world.run(lastDateInBillingPeriod="2025-11-30")
    assert [bill["billingFrequency"] for bill in world.all_bills_of(job)] == ["AD_HOC"]
    assert total(world, november) == 60


def test_the_lock_date_moved_back_while_a_correction_is_made_stops_it(
    world: World, account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    november, december = closed(world, account)
    world.use(account, "2025-11-29T23:00:00Z", 2)
    propose, racing = apply.propose, [True]

    def slow(*words: Any) -> Any:
        found = propose(*words)
        if racing.pop() if racing else False:
            world.put("/billconfig", {})
        return found

    monkeypatch.setattr(apply, "propose", slow)
    assert world.client.post(f"/bills/{november['id']}/correction", {}).status == 409
    assert total(world, december) == 27


def test_a_bill_that_was_decided_when_it_was_open_is_not_stored_once_it_was_corrected(
    world: World, account: dict[str, Any]
) -> None:
    """A worker is slow: meanwhile the bill is locked, corrected, and free again."""
    november = world.bill(world.run(lastDateInBillingPeriod="2025-11-30"))
    world.put(f"/bills/{november['id']}/status", {"status": "APPROVED"})
    december = world.bill(world.run())
    world.use(account, "2025-11-30T23:00:00Z", 7)
    replace_bill, slept = world.bills.replace, list[bool]()

    def slow(org_id: str, header: Any, **more: Any) -> None:
        if header["id"] == november["id"] and not slept:
            slept.append(True)
            world.put("/billconfig", {"billLockDate": "2025-11-30"})
            correct(world, november)
            world.put("/billconfig", {})
        replace_bill(org_id, header, **more)

    world.bills.replace = slow  # type: ignore[method-assign]
    assert world.run(lastDateInBillingPeriod="2025-11-30")["billIds"] == []
    assert (slept, total(world, november), total(world, december)) == ([True], 60, 27)


def test_a_correction_of_a_line_that_the_bill_never_had_can_be_changed(world: World) -> None:
    account = world.subscribe()
    november = lock(world, world.bill(world.run(lastDateInBillingPeriod="2025-11-30")))
    december = world.bill(world.run())
    world.use(account, "2025-11-10T10:00:00Z", 3)
    correct(world, november)
    (memo,) = world.get(f"/bills/{december['id']}/debitlineitems")["data"]
    path = f"/bills/{december['id']}/debitlineitems/{memo['id']}"
    assert world.put(path, {**memo, "amount": 1})["amount"] == 1
    assert total(world, december) == 21
    (left,) = proposal(world, november)["lineItems"]
    assert (left["corrected"], left["difference"]) == (1, 2)
    correct(world, november)
    assert (total(world, december), proposal(world, november)["count"]) == (23, 0)


def test_a_correction_stays_with_what_it_corrects(
    world: World, account: dict[str, Any], locked: dict[str, Any], open_bill: dict[str, Any]
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)
    correct(world, locked)
    (memo,) = world.get(f"/bills/{open_bill['id']}/debitlineitems")["data"]
    path = f"/bills/{open_bill['id']}/debitlineitems/{memo['id']}"
    standing = locked_lines(world, locked)[1]["id"]
    answer = world.client.put(path, {**memo, "referencedLineItemId": standing})
    assert (answer.status, "stays with it" in answer.text) == (400, True)
    assert proposal(world, locked)["count"] == 0


SEATS = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": 31}]


def test_a_counter_that_is_set_after_the_lock_is_corrected_too(world: World) -> None:
    world.configure(timezone="UTC")
    account = world.subscribe(template={"standingCharge": 0}, startDate="2025-12-01T00:00:00Z")
    counter = world.price_counter(SEATS, planId=world.plan["id"], runningTotalBillInAdvance=False)["counterId"]
    seats = {"counterId": counter, "accountId": account["id"]}
    world.org.make("counterAdjustment", **seats, date="2025-12-01", value=10)
    late = world.org.make("counterAdjustment", **seats, date="2025-12-31", value=11)
    december = lock(world, world.bill(world.run()))
    assert december["billTotal"] == 311
    january = world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))
    assert proposal(world, december)["count"] == 0
    world.org.make("counterAdjustment", **seats, date="2025-12-30", value=15)
    assert [(one["lineItemType"], one["difference"]) for one in lines_of(world, december)] == [
        ("COUNTER_ADJUSTMENT_DEBIT", -1),
        ("COUNTER_ADJUSTMENT_DEBIT", 10),
        ("COUNTER_ADJUSTMENT_CREDIT", -4),
    ]
    correct(world, december)
    assert (proposal(world, december)["count"], [memo["subtotal"] for memo in memos(world, january)]) == (
        0,
        [-1, 10, -4],
    )
    assert world.org.client.delete(f"/counteradjustments/{late['id']}").status == 200
    assert sum(one["difference"] for one in lines_of(world, december)) == 4


def lines_of(world: World, bill: dict[str, Any]) -> list[dict[str, Any]]:
    return list(proposal(world, bill)["lineItems"])


def test_late_usage_below_tiers_that_span_the_plan_is_charged_once_however_many_bills_it_moves(world: World) -> None:
    """W4: what each later bill was priced on moves, too, and all corrections add up to the price of the whole."""
    world.configure(timezone="UTC")
    account = world.subscribe(template={"standingCharge": 0}, startDate="2025-11-01T00:00:00Z")
    bands = [
        {"lowerLimit": 0, "fixedPrice": 0, "unitPrice": Decimal("0.15")},
        {"lowerLimit": 500, "fixedPrice": 0, "unitPrice": Decimal("0.10")},
    ]
    more = {"cumulative": True, "tiersSpanPlan": True, "pricingBands": bands}
    world.price(world.aggregation["id"], planId=world.plan["id"], startDate="2025-02-01T00:00:00Z", **more)
    world.use(account, "2025-11-03T10:00:00Z", 400)
    november = lock(world, world.bill(world.run(lastDateInBillingPeriod="2025-11-30")))
    world.use(account, "2025-12-03T10:00:00Z", 500)
    december = lock(world, world.bill(world.run()))
    january = world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))
    assert (november["billTotal"], december["billTotal"]) == (60, 55)
    world.use(account, "2025-11-04T10:00:00Z", 100)
    assert (correct(world, november)["total"], correct(world, december)["total"]) == (15, -5)
    assert total(world, january) == 10
    assert Decimal(60 + 55 + 10) == 500 * Decimal("0.15") + 500 * Decimal("0.10")


def test_the_bill_that_takes_it_may_be_named(
    world: World, account: dict[str, Any], locked: dict[str, Any], open_bill: dict[str, Any]
) -> None:
    later = world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))
    world.use(account, "2025-11-30T23:00:00Z", 7)
    for wrong in (locked["id"], "0190a5d0-ac96-774b-bcce-b302099a8057"):
        assert world.client.post(f"/bills/{locked['id']}/correction", {"targetBillId": wrong}).status == 400
    assert correct(world, locked, targetBillId=open_bill["id"])["targetBillId"] == open_bill["id"]
    assert memos(world, later) == []


def test_an_open_bill_is_calculated_again_instead(world: World, open_bill: dict[str, Any]) -> None:
    answer = world.client.get(f"/bills/{open_bill['id']}/correction")
    assert (answer.status, "not locked" in answer.text) == (400, True)
    assert world.client.get("/bills/none/correction").status == 404


def test_differences_add_up() -> None:
    billed = {"a": Decimal(5), "b": Decimal(1)}
    found = differences(billed, {"a": Decimal(7), "c": Decimal(2)}, {"a": Decimal(2)})
    assert [(one.line_id, one.left) for one in found] == [("b", -1), ("c", 2)]


def test_a_correction_has_a_limit() -> None:
    check_size(CORRECTED_MAX)
    with pytest.raises(InvalidInputError, match="at most 5000"):
        check_size(CORRECTED_MAX + 1)

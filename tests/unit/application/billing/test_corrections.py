"""Corrections of locked bills: late usage, proposed, put onto the open bill once."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.world import World
from usance.application.billing.corrections import apply
from usance.application.billing.corrections.history import TYPE, History
from usance.domain.billing.corrections import CORRECTED_MAX, check_size, differences
from usance.domain.kernel.errors import InvalidInputError, UnavailableError


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


def test_a_request_that_dies_between_is_finished_by_the_next_one(
    world: World,
    account: dict[str, Any],
    locked: dict[str, Any],
    open_bill: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)

    def dies(*_: Any) -> None:
        raise UnavailableError("the store is busy")

    for part in ("change_memos", "_finish"):
        with monkeypatch.context() as patch:
            patch.setattr(apply, part, dies)
            assert world.client.post(f"/bills/{locked['id']}/correction", {}).status == 503
    assert total(world, open_bill) == 27
    correct(world, locked)
    assert [memo["subtotal"] for memo in memos(world, open_bill)] == [7]
    history = History.read(world.org.store, world.org.id, locked["id"])
    assert [(step.sequence, step.done) for step in history.steps] == [(1, True)]


def test_a_bill_that_is_locked_before_it_took_the_correction_is_given_up(
    world: World,
    account: dict[str, Any],
    locked: dict[str, Any],
    open_bill: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.use(account, "2025-11-30T23:00:00Z", 7)

    def dies(*_: Any) -> None:
        raise UnavailableError("the store is busy")

    with monkeypatch.context() as patch:
        patch.setattr(apply, "change_memos", dies)
        assert world.client.post(f"/bills/{locked['id']}/correction", {}).status == 503
    world.put(f"/bills/{open_bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{open_bill['id']}/lock")
    answer = world.client.post(f"/bills/{locked['id']}/correction", {})
    assert (answer.status, "no open bill" in answer.text) == (400, True)
    january = world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))
    assert correct(world, locked)["targetBillId"] == january["id"]
    assert memos(world, open_bill) == []
    assert total(world, january) == 27


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
    assert world.client.post(f"/bills/{locked['id']}/correction", {}).status == 409
    assert [memo["subtotal"] for memo in memos(world, open_bill)] == [7]


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

"""Bills that draw on commitments and balances (billing.md 8, 9, 11). Time stands at 15 January 2026."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.application.billing.test_crashes import deliver_until_done
from tests.unit.application.billing.world import World
from tests.unit.application.notifications.fuse import Fuse
from usance.application.billing.calculate_bill import ATTEMPTS_MAX, PAUSES_MAX
from usance.application.billing.run_message import run_message
from usance.application.ports.entities import Delete
from usance.domain.kernel.errors import UnavailableError

YEAR = {"startDate": "2025-10-01", "endDate": "2026-10-01"}
OPEN = {"startDate": "2025-01-01T00:00:00Z", "endDate": "2027-01-01T00:00:00Z"}
DECEMBER, NOVEMBER, OCTOBER = "2025-12-31", "2025-11-30", "2025-10-31"


@pytest.fixture
def world() -> World:
    return new_world()


def new_world() -> World:
    world = World()
    world.configure(timezone="UTC", creditApplicationOrder=None, allowNegativeBalances=False)
    return world


def subscribed(world: World, standing: Any = 20, **more: Any) -> dict[str, Any]:
    return world.subscribe(template={"standingCharge": standing}, **more)


def balance(world: World, account: dict[str, Any], amount: Any, **more: Any) -> str:
    """The id of a balance of the account, with an amount on it."""
    made = world.org.make("balance", accountId=account["id"], **{**OPEN, **more})
    if amount:
        top_up(world, made["id"], amount)
    return str(made["id"])


def top_up(world: World, balance_id: str, amount: Any, **more: Any) -> None:
    answer = world.org.client.post(f"/balances/{balance_id}/transactions", {"amount": amount, **more})
    assert answer.status == 200, answer.text


def left(world: World, balance_id: str) -> Any:
    return world.org.client.get(f"/balances/{balance_id}").json["amount"]


def spent(world: World, commitment_id: str) -> Any:
    return world.org.client.get(f"/commitments/{commitment_id}").json["amountSpent"]


def ledger(world: World, balance_id: str) -> list[tuple[str, Any]]:
    found = world.org.client.get(f"/balances/{balance_id}/transactions").json["data"]
    return [(one["entityType"], one["amount"]) for one in found]


def lines(bill: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(line["lineItemType"], line["convertedSubtotal"]) for line in bill["lineItems"]]


def test_w12_a_prepayment_is_billed_drawn_down_and_exceeded(world: World) -> None:
    account = subscribed(world, 0)
    bands = [{"lowerLimit": 0, "fixedPrice": 0, "unitPrice": Decimal("0.46")}]
    world.price(world.aggregation["id"], planId=world.plan["id"], pricingBands=bands, startDate="2025-02-01T00:00:00Z")
    made = world.org.make(
        "commitment",
        accountId=account["id"],
        amount=15_000,
        billingPlanId=world.plan["id"],
        overageSurchargePercent=1,
        **YEAR,
    )
    for month, count in (("10", 20_000), ("11", 10_000), ("12", 5_000)):
        world.use(account, f"2025-{month}-10T00:00:00Z", count)
    first, second, third = (world.bill(world.run(lastDateInBillingPeriod=day)) for day in (OCTOBER, NOVEMBER, DECEMBER))
    assert [bill["billTotal"] for bill in (first, second, third)] == [1250, 1250, 2361]
    assert lines(first) == [("USAGE", 9200), ("COMMITMENT_CONSUMED", -9200), ("COMMITMENT_FEE", 1250)]
    assert lines(third) == [
        ("USAGE", 2300),
        ("COMMITMENT_CONSUMED", -1200),
        ("OVERAGE_SURCHARGE", 11),
        ("COMMITMENT_FEE", 1250),
    ]
    assert spent(world, made["id"]) == 15_000
    assert {line.get("commitmentId") for line in third["lineItems"][1:]} == {made["id"]}
    assert third["lineItems"][1]["referencedLineItemId"] == third["lineItems"][0]["id"]
    assert third["lineItems"][1]["referencedBillId"] == third["id"]
    found = world.get("/lineitems", commitmentId=made["id"], lineItemType="COMMITMENT_CONSUMED")["data"]
    assert [line["subtotal"] for line in found] == [-1200, -4600, -9200]


def test_a_bill_takes_its_draw_off_the_balance_and_into_the_ledger(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 100, code="grant", balanceDrawDownDescription="From your grant")
    world.use(account, "2025-12-10T00:00:00Z", 50)
    bill = world.bill(world.run())
    assert bill["billTotal"] == 0
    assert left(world, held) == 30
    drawn, _ = world.org.client.get(f"/balances/{held}/transactions").json["data"]
    assert (drawn["entityType"], drawn["entityId"], drawn["amount"]) == ("BILL", bill["id"], -70)
    assert (drawn["description"], drawn["appliedDate"]) == ("From your grant", "2025-12-01T00:00:00.000000Z")
    summary = world.org.client.get(f"/balances/{held}/transactions/summary").json
    assert (summary["totalCreditAmount"], summary["totalDebitAmount"], summary["balanceConsumed"]) == (100, 70, 70)


def test_calculating_again_replaces_what_was_drawn(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 100)
    world.use(account, "2025-12-10T00:00:00Z", 30)
    bill = world.bill(world.run())
    version = world.org.client.get(f"/balances/{held}").json["version"]
    world.run()
    assert world.org.client.get(f"/balances/{held}").json["version"] == version
    world.use(account, "2025-12-11T00:00:00Z", 20)
    world.run()
    assert (left(world, held), ledger(world, held)) == (30, [("BILL", -70), ("SERVICE_USER", 100)])
    world.usage.all.clear()
    assert lines(world.bill(world.run())) == [("STANDING_CHARGE", 20), ("BALANCE_CONSUMED", -20)]
    assert (left(world, held), ledger(world, held)) == (80, [("BILL", -20), ("SERVICE_USER", 100)])
    world.org.client.put(
        f"/balances/{held}",
        {**world.org.client.get(f"/balances/{held}").json, "lineItemTypes": ["USAGE"]},
    )
    assert world.bill(world.run())["id"] == bill["id"]
    assert (left(world, held), ledger(world, held)) == (100, [("SERVICE_USER", 100)])


def test_of_two_balances_only_the_one_that_changes_is_written_again(world: World) -> None:
    account = subscribed(world, 0)
    first, second = (
        balance(world, account, amount, endDate=f"202{year}-01-01T00:00:00Z") for amount, year in ((5, 7), (50, 8))
    )
    world.use(account, "2025-12-10T00:00:00Z", 15)
    world.run()
    versions = [world.org.client.get(f"/balances/{id_}").json["version"] for id_ in (first, second)]
    world.use(account, "2025-12-11T00:00:00Z", 7)
    world.run()
    after = [world.org.client.get(f"/balances/{id_}").json["version"] for id_ in (first, second)]
    assert [new - old for old, new in zip(versions, after, strict=True)] == [0, 1]
    assert (ledger(world, first)[0], ledger(world, second)[0]) == (("BILL", -5), ("BILL", -17))


def test_a_commitment_on_a_plan_without_bill_dates_has_no_fees(world: World) -> None:
    account = subscribed(world)
    plan = world.org.make("plan", planTemplateId=world.org.make("planTemplate", billFrequency="AD_HOC")["id"])
    world.org.make("commitment", accountId=account["id"], billingPlanId=plan["id"], lineItemTypes=["USAGE"], **YEAR)
    assert lines(world.bill(world.run())) == [("STANDING_CHARGE", 20)]


def prepaid_monthly(world: World, account: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A commitment of 1,200 that its year's twelve monthly bills carry, and that usage never draws on."""
    terms = {"amount": 1200, "billingPlanId": world.plan["id"], "lineItemTypes": ["COUNTER_ADJUSTMENT_DEBIT"], **YEAR}
    return world.org.make("commitment", accountId=account["id"], **{**terms, **more})


def change(world: World, commitment: dict[str, Any], **fields: Any) -> None:
    path = f"/commitments/{commitment['id']}"
    answer = world.org.client.put(path, {**world.org.client.get(path).json, **fields})
    assert answer.status == 200, answer.text


def fees_of_the_year(world: World, commitment: dict[str, Any], changes: dict[str, dict[str, Any]]) -> list[Any]:
    """The fee on each bill of the year; `changes` of the commitment come before the bill of a month."""
    found = []
    for month in range(10, 22):
        last_day = date(2025 + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        if fields := changes.get(last_day.isoformat()[:7]):
            change(world, commitment, **fields)
        found += lines(world.bill(world.run(lastDateInBillingPeriod=last_day.isoformat())))
    assert {kind for kind, _ in found} == {"COMMITMENT_FEE"}
    return [amount for _, amount in found]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [100] * 12),
        ({"2026-02": {"amount": 2400}}, [100] * 4 + [600] + [200] * 7),
        ({"2025-12": {"amount": 2400}, "2026-02": {"amount": 1200}}, [100, 100, 400, 200, 0, 0, 0, 0] + [100] * 4),
        ({"2026-04": {"amount": 300}}, [100] * 6 + [0] * 6),
        ({"2026-01": {"amountPrePaid": 600}}, [100] * 3 + [0] * 3 + [50] * 6),
        ({"2026-09": {"amount": 2400}}, [100] * 11 + [1300]),
        ({"2026-02": {"amountFirstBill": 1200}}, [100] * 4 + [800]),
    ],
)
def test_a_fee_makes_up_for_earlier_ones_when_the_commitment_has_changed(
    world: World, changes: dict[str, dict[str, Any]], expected: list[int]
) -> None:
    account = subscribed(world, 0)
    commitment = prepaid_monthly(world, account)
    assert fees_of_the_year(world, commitment, changes) == expected


def test_a_change_after_the_bill_of_the_last_fee_was_locked_ahead_is_on_the_next_bill(world: World) -> None:
    """A bill can be made, and locked, while its period lasts."""
    commitment = prepaid_monthly(world, subscribed(world, 0), endDate="2026-02-01", amount=600)
    last = world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))
    world.put(f"/bills/{last['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{last['id']}/lock")
    change(world, commitment, amount=640)
    late = world.bill(world.run(lastDateInBillingPeriod="2026-02-28"))
    assert sum(amount for _, amount in [*lines(last), *lines(late)]) == 640


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({"amount": 640}, 580),
        ({"amountPrePaid": 0}, 600),
        ({"amount": 700, "endDate": "2026-03-01"}, 640),
        ({"amount": 500}, 540),
    ],
)
def test_a_change_long_before_the_day_of_a_last_bill_that_is_locked_is_on_the_next_bill(
    world: World, fields: dict[str, Any], amount: int
) -> None:
    """Bills can be made, and locked, for periods that have not begun."""
    terms = {"endDate": "2026-04-01", "amount": 600, "amountPrePaid": 60}
    commitment = prepaid_monthly(world, subscribed(world, 0), **terms)
    billed = []
    for last_day in (OCTOBER, NOVEMBER, DECEMBER, "2026-01-31", "2026-02-28", "2026-03-31"):
        bill = world.bill(world.run(lastDateInBillingPeriod=last_day))
        world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
        world.put(f"/bills/{bill['id']}/lock")
        billed += lines(bill)
    assert sum(fee for _, fee in billed) == 540
    change(world, commitment, **fields)
    billed += lines(world.bill(world.run(lastDateInBillingPeriod="2026-04-30")))
    billed += lines(world.bill(world.run(lastDateInBillingPeriod="2026-05-31")))
    assert sum(fee for _, fee in billed) == amount


def test_a_fee_that_was_billed_less_than_it_is_now_is_made_up_for_once(world: World) -> None:
    account = subscribed(world, 0)
    commitment = prepaid_monthly(world, account)
    october = world.bill(world.run(lastDateInBillingPeriod=OCTOBER))
    change(world, commitment, amount=2400)
    november = world.bill(world.run(lastDateInBillingPeriod=NOVEMBER))
    assert lines(november) == [("COMMITMENT_FEE", 300)]
    explained = world.get(f"/bills/{november['id']}/lineitems/{november['lineItems'][0]['id']}/explain")
    assert explained["workings"] == [{"step": "FEE_CAUGHT_UP", "given": {"fee": 200, "behind": 100}, "result": 300}]
    assert lines(world.bill(world.run(lastDateInBillingPeriod=NOVEMBER))) == [("COMMITMENT_FEE", 300)]
    assert lines(world.bill(world.run(lastDateInBillingPeriod=OCTOBER))) == [("COMMITMENT_FEE", 100)]
    assert lines(world.bill(world.run())) == [("COMMITMENT_FEE", 200)]
    assert world.client.call("DELETE", f"/bills/{october['id']}").status == 200
    assert lines(world.bill(world.run())) == [("COMMITMENT_FEE", 100)]
    assert lines(world.bill(world.run(lastDateInBillingPeriod=OCTOBER))) == [("COMMITMENT_FEE", 200)]


def test_bills_at_the_same_time_do_not_make_up_for_the_same_fees(world: World) -> None:
    account = subscribed(world, 0)
    commitment = prepaid_monthly(world, account, endDate="2026-01-01")
    world.run(lastDateInBillingPeriod=OCTOBER)
    change(world, commitment, amount=2400)
    create = world.bills.create

    def create_after_december(*args: Any, **more: Any) -> Any:
        world.bills.create = create  # type: ignore[method-assign]
        world.run(lastDateInBillingPeriod=DECEMBER)
        return create(*args, **more)

    world.bills.create = create_after_december  # type: ignore[method-assign]
    world.run(lastDateInBillingPeriod=NOVEMBER)
    fees = world.get("/lineitems", commitmentId=commitment["id"], lineItemType="COMMITMENT_FEE")["data"]
    assert [line["subtotal"] for line in fees] == [2000, 0, 400]


def test_what_changed_after_the_last_fee_was_locked_is_on_the_next_bill(world: World) -> None:
    account = subscribed(world, 0)
    commitment = prepaid_monthly(world, account, endDate="2026-01-01")
    for last_day in (OCTOBER, NOVEMBER, DECEMBER):
        bill = world.bill(world.run(lastDateInBillingPeriod=last_day))
        assert lines(bill) == [("COMMITMENT_FEE", 400)]
    world.put(f"/bills/{bill['id']}/status", {"status": "APPROVED"})
    world.put(f"/bills/{bill['id']}/lock")
    assert lines(world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))) == []
    change(world, commitment, amount=1500)
    late = world.bill(world.run(lastDateInBillingPeriod="2026-01-31"))
    assert lines(late) == [("COMMITMENT_FEE", 300)]
    world.post("/billjobs/recalculate", {"billIds": [late["id"]]})
    world.drain()
    assert world.get(f"/bills/{late['id']}")["billTotal"] == 300
    assert lines(world.bill(world.run(lastDateInBillingPeriod="2026-02-28"))) == []


def test_fees_come_to_the_amount_when_a_quarterly_schedule_becomes_a_monthly_one(world: World) -> None:
    account = subscribed(world, 0)
    commitment = prepaid_monthly(world, account, billingInterval=3)
    months = [f"2025-{month}-28" for month in (10, 11, 12)]
    assert [lines(world.bill(world.run(lastDateInBillingPeriod=month))) for month in months] == [
        [("COMMITMENT_FEE", 300)],
        [],
        [],
    ]
    change(world, commitment, billingInterval=1, startDate="2025-08-01")
    fee = lines(world.bill(world.run(lastDateInBillingPeriod="2026-01-31")))
    assert fee == [("COMMITMENT_FEE", Decimal("214.26"))]


def test_a_commitment_may_bill_by_an_epoch_of_its_own(world: World) -> None:
    account = subscribed(world)
    more = {"billingPlanId": world.plan["id"], "billEpoch": "2025-10-15", "lineItemTypes": ["USAGE"]}
    world.org.make("commitment", accountId=account["id"], amount=1200, **more, **YEAR)
    bills = {
        bill["billDate"]: lines(bill) for bill in world.all_bills_of(world.run(lastDateInBillingPeriod="2025-12-14"))
    }
    assert bills == {"2025-12-15": [("COMMITMENT_FEE", 100)], "2026-01-01": [("STANDING_CHARGE", 20)]}


def test_deleting_a_bill_gives_back_what_it_drew(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 15)
    prepaid = world.org.make("commitment", accountId=account["id"], amount=8, **YEAR)["id"]
    bill = world.bill(world.run())
    assert (bill["billTotal"], left(world, held), spent(world, prepaid)) == (0, 3, 8)
    assert world.client.call("DELETE", f"/bills/{bill['id']}").status == 200
    assert (left(world, held), spent(world, prepaid)) == (15, 0)
    assert ledger(world, held) == [("SERVICE_USER", 15)]
    assert world.bill(world.run())["billTotal"] == 0


def test_a_later_bill_keeps_what_it_drew_when_an_earlier_one_is_calculated_again(world: World) -> None:
    account = subscribed(world, 60)
    held = balance(world, account, 100)
    november = world.bill(world.run(lastDateInBillingPeriod=NOVEMBER))
    december = world.bill(world.run())
    assert (november["billTotal"], december["billTotal"], left(world, held)) == (0, 20, 0)
    world.use(account, "2025-11-10T00:00:00Z", 50)
    assert world.bill(world.run(lastDateInBillingPeriod=NOVEMBER))["billTotal"] == 50
    assert world.bill(world.run())["billTotal"] == 20
    assert left(world, held) == 0
    world.client.call("DELETE", f"/bills/{december['id']}")
    assert world.bill(world.run(lastDateInBillingPeriod=NOVEMBER))["billTotal"] == 10
    assert world.bill(world.run())["billTotal"] == 60


def test_a_preview_says_what_it_would_draw_and_draws_nothing(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 15)
    body = {
        "accountIds": [account["id"]],
        "billingFrequency": "MONTHLY",
        "billFrequencyInterval": 1,
        "lastDateInBillingPeriod": DECEMBER,
    }
    before = world.post("/bills/preview", body)
    assert lines(before) == [("STANDING_CHARGE", 20), ("BALANCE_CONSUMED", -15)]
    assert left(world, held) == 15
    world.run()
    assert lines(world.post("/bills/preview", body)) == lines(before)
    assert left(world, held) == 0


@pytest.mark.parametrize(
    ("account_order", "organization_order", "expected"),
    [
        (None, None, (12, 8)),
        (["BALANCE", "PREPAYMENT"], None, (0, 20)),
        (None, ["BALANCE"], (0, 20)),
        (["PREPAYMENT"], ["BALANCE"], (12, 0)),
    ],
)
def test_the_accounts_order_comes_before_the_organizations(
    world: World, account_order: Any, organization_order: Any, expected: tuple[int, int]
) -> None:
    world.configure(creditApplicationOrder=organization_order)
    more = {"creditApplicationOrder": account_order} if account_order else {}
    account = subscribed(world, account=world.org.make("account", **more))
    held = balance(world, account, 50)
    prepaid = world.org.make("commitment", accountId=account["id"], amount=12, **YEAR)["id"]
    world.run()
    assert (spent(world, prepaid), 50 - left(world, held)) == expected


def test_in_a_family_prepayments_come_first(world: World) -> None:
    parent = subscribed(world, account=world.org.make("account", creditApplicationOrder=["BALANCE"]))
    world.org.make("account", parentAccountId=parent["id"])
    held = balance(world, parent, 50)
    prepaid = world.org.make("commitment", accountId=parent["id"], amount=12, **YEAR)["id"]
    world.run(accountIds=[parent["id"]])
    assert (spent(world, prepaid), left(world, held)) == (12, 42)


@pytest.mark.parametrize(("mode", "children"), [("PARENT_BREAKDOWN", ["acme", None]), ("PARENT_SUMMARY", [None])])
def test_a_parents_commitment_pays_for_its_children_on_its_bill(
    world: World, mode: str, children: Sequence[str | None]
) -> None:
    parent = subscribed(world, 0)
    child = world.org.make("account", parentAccountId=parent["id"], code="acme")
    prepaid = world.org.make("commitment", accountId=parent["id"], amount=1000, childBillingMode=mode, **YEAR)["id"]
    for one, used in ((parent, 30), (child, 70)):
        world.use(one, "2025-12-10T00:00:00Z", used)
    (bill,) = [bill for bill in world.all_bills_of(world.run(accountIds=[parent["id"]])) if bill["lineItems"]]
    consumed = [line for line in bill["lineItems"] if line["lineItemType"] == "COMMITMENT_CONSUMED"]
    assert {line.get("childAccountCode") for line in consumed} == set(children)
    assert len(consumed) == len(children)
    assert (bill["billTotal"], spent(world, prepaid)) == (0, 100)


def test_a_parents_commitment_of_mode_child_pays_for_the_childs_own_bill(world: World) -> None:
    parent = subscribed(world, 0, childBillingMode="CHILD")
    child = world.org.make("account", parentAccountId=parent["id"])
    more = {"accountId": parent["id"], "amount": 1000, **YEAR}
    theirs = world.org.make("commitment", childBillingMode="CHILD", **more)["id"]
    world.use(child, "2025-12-10T00:00:00Z", 70)
    world.run(accountIds=[parent["id"]])
    (bill,) = world.all_bills(accountId=child["id"])
    assert lines(world.get(f"/bills/{bill['id']}")) == [("USAGE", 70), ("COMMITMENT_CONSUMED", -70)]
    assert spent(world, theirs) == 70


def test_fees_on_dates_of_their_own_need_no_plan(world: World) -> None:
    account = world.org.make("account")
    span = {"servicePeriodStartDate": "2025-12-01T00:00:00Z", "servicePeriodEndDate": "2026-06-01T00:00:00Z"}
    made = world.org.make(
        "commitment",
        accountId=account["id"],
        amount=1000,
        commitmentFeeDescription="Yearly fee",
        feeDates=[{"date": day, "amount": 500, **span} for day in ("2025-12-20", "2026-01-01", "2026-06-01")],
        **YEAR,
    )
    job = world.run()
    bills = {bill["billDate"]: bill for bill in (world.get(f"/bills/{id_}") for id_ in job["billIds"])}
    assert {day: (bill["billingFrequency"], bill["billTotal"]) for day, bill in bills.items()} == {
        "2025-12-20": ("AD_HOC", 500),
        "2026-01-01": ("AD_HOC", 500),
    }
    [line] = bills["2026-01-01"]["lineItems"]
    assert (line["commitmentId"], line["description"]) == (made["id"], "Yearly fee")
    assert line["servicePeriodEndDate"] == "2026-06-01T00:00:00.000000Z"
    assert world.run()["billIds"] == [bills["2026-01-01"]["id"]]
    preview = {"accountIds": [account["id"]], "billingFrequency": "AD_HOC", "billFrequencyInterval": 1}
    assert lines(world.post("/bills/preview", {**preview, "billDate": "2026-06-01"})) == [("COMMITMENT_FEE", 500)]


def test_a_fee_joins_the_bill_of_its_date_and_stays_where_it_is(world: World) -> None:
    account = subscribed(world)
    span = {"servicePeriodStartDate": "2026-01-01", "servicePeriodEndDate": "2026-02-01"}
    fees = [{"date": "2026-01-01", "amount": 300, **span}]
    world.org.make("commitment", accountId=account["id"], amount=300, feeDates=fees, lineItemTypes=["USAGE"], **YEAR)
    bill = world.bill(world.run())
    assert lines(bill) == [("STANDING_CHARGE", 20), ("COMMITMENT_FEE", 300)]
    agreed = world.org.client.get(f"/accountplans/{world.account_plan['id']}").json
    ended = world.org.client.put(f"/accountplans/{agreed['id']}", {**agreed, "endDate": "2025-06-01T00:00:00Z"})
    assert ended.status == 200, ended.text
    assert world.run()["billIds"] == []
    assert [bill["id"] for bill in world.all_bills()] == [bill["id"]]


def test_a_fee_makes_the_bill_of_its_plans_calendar_when_the_plan_is_not_attached(world: World) -> None:
    plan = world.org.make("plan", planTemplateId=world.org.make("planTemplate", billFrequency="MONTHLY")["id"])
    account = world.org.make("account")
    world.org.make(
        "commitment",
        accountId=account["id"],
        amount=1200,
        billingPlanId=plan["id"],
        commitmentFeeBillInAdvance=True,
        startDate="2025-12-01",
        endDate="2026-12-01",
    )
    job = world.run()
    bills = [world.get(f"/bills/{id_}") for id_ in job["billIds"]]
    assert [(bill["billDate"], bill["startDate"], lines(bill)) for bill in bills] == [
        ("2025-12-01", "2025-11-01", [("COMMITMENT_FEE", 100)]),
        ("2026-01-01", "2025-12-01", [("COMMITMENT_FEE", 100)]),
    ]


def test_fees_join_a_consolidated_bill_once(world: World) -> None:
    world.configure(consolidateBills=True)
    account = subscribed(world)
    plan = world.org.make("plan", planTemplateId=world.org.make("planTemplate", billFrequency="ANNUALLY")["id"])
    more = {"startDate": "2025-01-01", "endDate": "2027-01-01"}
    world.org.make(
        "commitment", accountId=account["id"], amount=1000, billingPlanId=plan["id"], lineItemTypes=["USAGE"], **more
    )
    bill = world.bill(world.run())
    assert (bill["billingFrequency"], lines(bill)) == ("MIXED", [("STANDING_CHARGE", 20), ("COMMITMENT_FEE", 500)])


def test_what_a_balance_may_not_pay_for_from_its_rollover_is_paid_in_money(world: World) -> None:
    account = subscribed(world, 0)
    held = balance(
        world,
        account,
        None,
        startDate="2025-01-01T00:00:00Z",
        endDate="2025-11-01T00:00:00Z",
        rolloverAmount=800,
        rolloverEndDate="2026-01-01T00:00:00Z",
    )
    top_up(world, held, 1200, appliedDate="2025-01-01T00:00:00Z")
    for month, used in (("10", 200), ("11", 500), ("12", 900)):
        world.use(account, f"2025-{month}-10T00:00:00Z", used)
    totals = [world.bill(world.run(lastDateInBillingPeriod=day))["billTotal"] for day in (OCTOBER, NOVEMBER, DECEMBER)]
    assert totals == [0, 0, 600]
    assert left(world, held) == 200
    summary = world.org.client.get(f"/balances/{held}/transactions/summary").json
    assert (summary["balanceConsumed"], summary["rolloverConsumed"], summary["expiredBalanceAmount"]) == (200, 800, 200)
    assert world.bill(world.run(lastDateInBillingPeriod=NOVEMBER))["billTotal"] == 0


def test_the_ledger_is_read_only_for_a_rollover_into_the_time_of_the_bill(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = subscribed(world)
    over, ended = "2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z"
    balance(world, account, 50, endDate=over, rolloverAmount=5, rolloverEndDate=ended)
    listed: list[str] = []
    listing = world.org.store.list_all

    def noted(org_id: str, type_: str, **more: Any) -> Any:
        listed.append(type_)
        return listing(org_id, type_, **more)

    monkeypatch.setattr(world.org.store, "list_all", noted)
    reads = {}
    for day in (OCTOBER, NOVEMBER, DECEMBER):
        listed.clear()
        world.run(lastDateInBillingPeriod=day)
        reads[day] = listed.count("balanceTransaction")
    assert reads == {OCTOBER: 0, NOVEMBER: 1, DECEMBER: 0}


@pytest.mark.parametrize("setting", ["account", "organization"])
def test_an_overdraft_lets_a_balance_fall_below_zero(world: World, setting: str) -> None:
    world.configure(allowNegativeBalances=setting == "organization")
    account = subscribed(world)
    held = balance(world, account, 5, allowOverdraft=setting == "account")
    assert world.bill(world.run())["billTotal"] == 0
    assert left(world, held) == -15


def test_w17_a_balance_moves_by_the_amount_whatever_was_paid(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, None)
    top_up(world, held, 200, paid=50, currencyPaid="EUR")
    world.run()
    assert left(world, held) == 180


def test_an_ad_hoc_charge_draws_on_a_balance_and_not_on_a_commitment(world: World) -> None:
    account = world.org.make("account")
    held = balance(world, account, 30)
    world.org.make("commitment", accountId=account["id"], **YEAR)
    period = {"servicePeriodStartDate": "2026-01-01T00:00:00Z", "servicePeriodEndDate": "2026-02-01T00:00:00Z"}
    world.org.make("charge", accountId=account["id"], billDate="2026-01-01", amount=50, **period)
    assert lines(world.bill(world.run())) == [("AD_HOC", 50), ("BALANCE_CONSUMED", -30)]
    assert left(world, held) == 0


class Rival:
    """Other bills that draw on a balance between the moment a bill reads it and the moment it is stored."""

    def __init__(self, world: World, balance_id: str, times: int) -> None:
        self.world, self.balance_id, self.times = world, balance_id, times
        self.create = world.bills.create
        world.bills.create = self  # type: ignore[method-assign, assignment]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.times:
            self.times -= 1
            top_up(self.world, self.balance_id, -1)
        return self.create(*args, **kwargs)


def test_a_bill_is_decided_again_when_another_draws_first(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 10)
    Rival(world, held, times=2)
    bill = world.bill(world.run())
    assert lines(bill) == [("STANDING_CHARGE", 20), ("BALANCE_CONSUMED", -8)]
    assert left(world, held) == 0
    assert world.pauses == [0, 1]


def test_a_balance_that_never_rests_sends_the_message_back(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 100)
    Rival(world, held, times=ATTEMPTS_MAX)
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    with pytest.raises(UnavailableError):
        world.drain()
    assert world.all_bills() == []
    assert left(world, held) == 100 - ATTEMPTS_MAX
    assert world.pauses == [min(n, PAUSES_MAX) for n in range(ATTEMPTS_MAX - 1)]


def test_a_deletion_waits_for_rivals_and_gives_back_all_the_same(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 100)
    bill = world.bill(world.run())
    delete, calls = world.bills.delete, []

    def contested(org_id: str, bill_id: str, version: int, **more: Any) -> None:
        calls.append(bill_id)
        if len(calls) == 1:
            top_up(world, held, -1)
        delete(org_id, bill_id, version, **more)

    world.bills.delete = contested  # type: ignore[method-assign]
    assert world.client.call("DELETE", f"/bills/{bill['id']}").status == 200
    assert (left(world, held), len(calls), world.pauses) == (99, 2, [0])


def test_a_bill_that_changes_while_it_is_deleted_stays(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 100)
    bill = world.bill(world.run())
    delete = world.bills.delete

    def late(org_id: str, bill_id: str, version: int, **more: Any) -> None:
        world.put(f"/bills/{bill_id}/status", {"status": "APPROVED"})
        delete(org_id, bill_id, version, **more)

    world.bills.delete = late  # type: ignore[method-assign]
    assert world.client.call("DELETE", f"/bills/{bill['id']}").status == 409
    assert left(world, held) == 80


def test_a_commitment_that_is_gone_is_given_nothing_back(world: World) -> None:
    account = subscribed(world)
    prepaid = world.org.make("commitment", accountId=account["id"], amount=8, **YEAR)["id"]
    bill = world.bill(world.run())
    world.org.store.commit(world.org.id, [Delete("commitment", prepaid)])
    assert world.bill(world.run())["billTotal"] == 20
    assert world.client.call("DELETE", f"/bills/{bill['id']}").status == 200


def outcome(at: int | None) -> tuple[Any, int]:
    """What stands after a job whose worker dies at step `at`, and how many steps it took."""
    world = new_world()
    account = subscribed(world)
    held = balance(world, account, 15)
    prepaid = world.org.make("commitment", accountId=account["id"], amount=8, **YEAR)["id"]
    world.use(account, "2025-12-05T00:00:00Z", 7)
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    fuse = Fuse(at)
    deliver_until_done(world, fuse)
    (bill,) = world.all_bills(includeBillTotal="true")
    return (bill["billTotal"], left(world, held), spent(world, prepaid), ledger(world, held)), fuse.steps


def test_a_killed_worker_draws_once() -> None:
    expected, steps = outcome(None)
    assert expected[:3] == (4, 0, 8)
    for at in range(1, steps + 1):
        assert outcome(at)[0] == expected, f"killed at step {at}"


def test_a_message_that_comes_twice_draws_once(world: World) -> None:
    account = subscribed(world)
    held = balance(world, account, 100)
    world.post("/billjobs", {"lastDateInBillingPeriod": DECEMBER})
    messages = []
    while taken := world.queue.take():
        for message, _ in taken:
            messages.append(message)
            run_message(world.bench, {}, message)
    for message in messages:
        run_message(world.bench, {}, message)
    assert left(world, held) == 80

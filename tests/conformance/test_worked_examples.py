"""The worked examples of billing over HTTP (billing.md 15); docs/billing.md lists where each of them is tried."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from local.testing import RunningStack
from tests.conformance.worked import TIERED, Company, bands, lines, price, totals

NOVEMBER, NEXT = "2023-11-01T00:00:00Z", "2023-12-01T00:00:00Z"
Organize = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def company(organize: Organize) -> Company:
    return Company(organize("Worked examples"))


def rated(company: Company, plan: str, field: str, values: list[float]) -> list[float]:
    """What November costs on a plan, for each value of usage."""
    accounts = [company.account(plan, start=NOVEMBER) for _ in values]
    for account, value in zip(accounts, values, strict=True):
        company.use(account, "2023-11-05T10:00:00Z", **{field: value})
    return totals(company.bills("2023-11-30", *accounts))


def test_w1_cloud_storage(company: Company) -> None:
    gb, seconds = company.counted("gb"), company.counted("seconds", "MEAN")
    steps = [(0, 12, 0), (4, 25, 0), (6, 50, 0)]
    tiered = company.plan(price(gb, *TIERED, cumulative=True))
    volume = company.plan(price(gb, *TIERED, cumulative=False))
    stairs = company.plan(price(seconds, *steps, cumulative=False))
    found = rated(company, tiered, "gb", [0, 1, 500, 501, 600, 1200])
    assert found == [0, 0.15, 75.00, 75.10, 85.00, 145.00]
    assert rated(company, volume, "gb", [500, 501, 600]) == [75.00, 50.10, 60.00]
    assert rated(company, stairs, "seconds", [3.2, 4, 4.01, 6, 6.5]) == [12, 12, 25, 25, 50]
    files = price(company.counted("files"), (0, 0, 0.50), cumulative=True)
    whole = company.plan(
        price(gb, *TIERED, cumulative=True), files, price(seconds, *steps, cumulative=False), standingCharge=20
    )
    account = company.account(whole, start=NOVEMBER)
    for at, mean in (("2023-11-05T10:00:00Z", 4.4), ("2023-11-20T10:00:00Z", 6.0)):
        company.use(account, at, gb=310, files=20, seconds=mean)
    [bill] = company.bills("2023-11-30", account)
    assert (lines(bill), bill["billTotal"]) == (
        [("USAGE", 87.00), ("USAGE", 20.00), ("USAGE", 25.00), ("STANDING_CHARGE", 20.00)],
        152.00,
    )


def test_w2_custom_types(company: Company) -> None:
    custom = [(0, 10, 0.15), (500, 5, 0.10)]
    tiered = company.plan(price(company.counted("gb"), *custom, cumulative=True))
    volume = company.plan(price(company.counted("gb"), *custom, cumulative=False))
    assert rated(company, tiered, "gb", [100, 500, 600]) == [25.00, 85.00, 100.00]
    assert rated(company, volume, "gb", [100, 500, 600]) == [25.00, 85.00, 65.00]


def test_w3_quantity_per_unit(company: Company) -> None:
    up = company.plan(price(company.counted("kib", per_unit=500, rounding="UP"), (0, 0, 0.25)))
    nearest = company.plan(price(company.counted("kib", rounding="NEAREST"), (0, 0, 1)))
    assert rated(company, up, "kib", [48_900]) == [24.50]
    assert rated(company, nearest, "kib", [5.1, 3.5]) == [5, 4]


def test_w4_tiers_that_span_the_plan(company: Company) -> None:
    plans = [
        company.plan(price(company.counted("gb"), *TIERED, cumulative=True, tiersSpanPlan=span))
        for span in (True, False)
    ]
    accounts = [company.account(plan, start=NOVEMBER) for plan in plans]
    for account in accounts:
        company.use(account, "2023-11-05T10:00:00Z", gb=400)
        company.use(account, "2023-12-05T10:00:00Z", gb=500)
    assert totals(company.bills("2023-11-30", *accounts)) == [60.00, 60.00]
    assert totals(company.bills("2023-12-31", *accounts)) == [55.00, 75.00]


@pytest.mark.parametrize("of_plan", [True, False])
def test_w5_minimum_spend(company: Company, of_plan: bool) -> None:
    def account(usage: float, *, early: bool) -> dict[str, Any]:
        floor = {"minimumSpend": 1000, "minimumSpendBillInAdvance": early}
        priced = price(company.counted("gb"), (0, 0, 1), **({} if of_plan else floor))
        made = company.account(company.plan(priced, **(floor if of_plan else {})), start=NOVEMBER, end=NEXT)
        company.use(made, "2023-11-05T10:00:00Z", gb=usage)
        return made

    late = [account(800, early=False), account(1300, early=False)]
    arrears = company.bills("2023-11-30", *late)
    assert [lines(bill) for bill in arrears] == [[("USAGE", 800), ("MINIMUM_SPEND", 200)], [("USAGE", 1300)]]
    early = [account(800, early=True), account(1300, early=True)]
    bills = company.bills("2023-11-30", *early)
    assert [(bill["endDate"], lines(bill)) for bill in bills] == [
        ("2023-11-01", [("MINIMUM_SPEND", 1000)]),
        ("2023-12-01", [("USAGE", 800), ("MINIMUM_SPEND_REFUND", -800)]),
        ("2023-11-01", [("MINIMUM_SPEND", 1000)]),
        ("2023-12-01", [("USAGE", 1300), ("MINIMUM_SPEND_REFUND", -1000)]),
    ]


def test_w6_counters_without_proration(company: Company) -> None:
    plan = company.plan()
    counter = company.make("/counters", code="seats", name="Seats", unit="seats")["id"]
    flags = ("runningTotalBillInAdvance", "proRateRunningTotal", "proRateAdjustmentDebit", "proRateAdjustmentCredit")
    company.make(
        "/counterpricings",
        counterId=counter,
        planId=plan,
        startDate="2024-01-01T00:00:00Z",
        pricingBands=bands((0, 0, 2), (20, 0, 3)),
        cumulative=True,
        **dict.fromkeys(flags, False),
    )
    account = company.account(plan, start="2024-06-01T00:00:00Z", end="2025-07-01T00:00:00Z")
    for day, value in (("2024-06-01", 15), ("2024-06-15", 18), ("2024-07-10", 25)):
        company.make("/counteradjustments", accountId=account["id"], counterId=counter, date=day, value=value)
    found = [
        {(line["lineItemType"], line["units"], line["subtotal"]) for line in bill["lineItems"]}
        for end in ("2024-06-30", "2024-07-31")
        for bill in company.bills(end, account)
    ]
    running, debit = "COUNTER_RUNNING_TOTAL_CHARGE", "COUNTER_ADJUSTMENT_DEBIT"
    assert found == [{(running, 15, 30), (debit, 3, 6)}, {(running, 18, 36), (debit, 7, 19)}]


@pytest.mark.parametrize(
    ("frequency", "epoch", "days"),
    [
        ("MONTHLY", "2022-01-15", ["2022-01-15", "2022-02-15"]),
        ("WEEKLY", "2022-01-15", ["2022-01-15", "2022-01-22"]),
        ("DAILY", "2022-01-02", ["2022-01-02", "2022-01-03"]),
        ("ANNUALLY", "2023-01-01", ["2023-01-01", "2024-01-01"]),
        ("MONTHLY", "2024-01-31", ["2024-02-29", "2024-03-31", "2024-04-30"]),
        ("MONTHLY", "2023-01-31", ["2023-02-28", "2023-03-31"]),
        ("ANNUALLY", "2024-02-29", ["2025-02-28", "2028-02-29"]),
    ],
)
def test_w7_epochs_of_the_organization(company: Company, frequency: str, epoch: str, days: list[str]) -> None:
    field = {"DAILY": "dayEpoch", "WEEKLY": "weekEpoch", "MONTHLY": "monthEpoch", "ANNUALLY": "yearEpoch"}[frequency]
    account = company.account(company.plan(billFrequency=frequency), start="2022-01-01T00:00:00Z")
    found = [bill["endDate"] for day in days for bill in company.bills(_before(day), account, **{field: epoch})]
    assert found == days


def _before(day: str) -> str:
    return datetime.fromordinal(datetime.fromisoformat(day).toordinal() - 1).date().isoformat()


def test_w7_the_epoch_of_an_account_and_a_plan_that_starts_mid_month(company: Company) -> None:
    plan = company.plan(standingCharge=20)
    own = company.account(plan, start="2022-01-01T00:00:00Z", end="2023-01-01T00:00:00Z", billEpoch="2022-02-15")
    days = ["2022-02-15", "2022-03-15", "2022-04-15"]
    assert [bill["endDate"] for day in days for bill in company.bills(_before(day), own)] == days
    late = company.account(plan, start="2022-06-15T00:00:00Z")
    assert totals(company.bills("2022-06-30", late)) == [10.67]


def test_w8_late_data(organize: Organize, stack: RunningStack) -> None:
    company = Company(organize("Late data"))
    company.configure(scheduledBillInterval=1)
    plan = company.plan(price(company.counted("gb"), (0, 0, 1)))
    whole = company.account(plan, start="2023-10-01T00:00:00Z", end="2023-11-01T00:00:00Z")
    ended = company.account(plan, start="2023-10-01T00:00:00Z", end="2023-10-14T00:00:00Z")
    seen = []
    for tick in ("10-13T23", "10-14T23", "10-15T01", "11-01T23", "11-02T01"):
        for account in (whole, ended):
            company.use(account, "2023-10-05T10:00:00Z", gb=1)
        stack.fire("BillingSchedule", datetime.fromisoformat(f"2023-{tick}:00:00+00:00"))
        assert stack.settle()
        seen.append(tuple(company.read(f"/bills/latest/{account['id']}")["billTotal"] for account in (whole, ended)))
    assert seen == [(1, 1), (2, 2), (3, 2), (4, 2), (4, 2)]


def test_w9_automatic_approval(organize: Organize, stack: RunningStack) -> None:
    company = Company(organize("Automatic approval"))
    company.configure(autoApproveBillsGracePeriod=2, autoApproveBillsGracePeriodUnit="HOURS")
    account = company.account(company.plan(standingCharge=20), start="2023-09-01T00:00:00Z")
    [bill] = company.bills("2023-09-30", account)
    found = []
    for time in ("01:59", "02:00"):
        stack.fire("ApprovalSchedule", datetime.fromisoformat(f"2023-10-01T{time}:00+00:00"))
        assert stack.settle()
        found.append(company.read(f"/bills/{bill['id']}")["status"])
    assert found == ["PENDING", "APPROVED"]


def test_w10_and_w11_invoice_dates_and_numbers(organize: Organize) -> None:
    company = Company(organize("Invoices"))
    company.configure(billPrefix="INVOICE-", sequenceStartNumber=100)
    plan = company.plan(standingCharge=20)
    [first] = company.bills("2023-09-30", company.account(plan, start="2023-09-01T00:00:00Z"))
    company.configure(externalInvoiceDate="LAST_DAY_OF_ARREARS")
    [second] = company.bills("2023-09-30", company.account(plan, start="2023-09-01T00:00:00Z"))
    assert [bill["sequentialInvoiceNumber"] for bill in (first, second)] == ["INVOICE-101", "INVOICE-102"]
    assert [bill["externalInvoiceDate"] for bill in (first, second)] == ["2023-10-01", "2023-09-30"]


def test_w13_a_pricing_later_than_the_plan(company: Company) -> None:
    priced = price(company.counted("gb"), (0, 0, 1), startDate="2022-09-01T00:00:00Z")
    account = company.account(company.plan(priced, standingCharge=20), start="2022-08-01T00:00:00Z")
    company.use(account, "2022-08-05T10:00:00Z", gb=5)
    assert [lines(bill) for bill in company.bills("2022-08-31", account)] == [[("STANDING_CHARGE", 20)]]


def test_w14_interval_and_offset_of_the_standing_charge(company: Company) -> None:
    quarterly = {"billFrequencyInterval": 3, "standingCharge": 60, "standingChargeInterval": 2}
    plans = [company.plan(standingChargeOffset=offset, **quarterly) for offset in (0, 1)]
    accounts = [company.account(plan, start="2022-01-01T00:00:00Z") for plan in plans]
    ends = ("2022-03-31", "2022-06-30", "2022-09-30", "2022-12-31")
    assert [totals(company.bills(end, *accounts)) for end in ends] == [[60, 0], [0, 60], [60, 0], [0, 60]]


def test_w18_another_currency(organize: Organize) -> None:
    company = Company(organize("Currencies"))
    for code in ("EUR", "GBP"):
        company.make("/picklists/currency", code=code, name=code)
    company.configure(currencyConversions=[{"from": "EUR", "to": "USD", "multiplier": 1.12}])
    euro, pound = (company.plan(currency=code, standingCharge=100) for code in ("EUR", "GBP"))
    accounts = [company.account(plan, start=NOVEMBER) for plan in (euro, pound)]
    [bill] = company.bills("2023-11-30", *accounts)
    [line] = bill["lineItems"]
    assert bill["accountId"] == accounts[0]["id"]
    assert (line["subtotal"], line["currency"], line["conversionRate"], line["convertedSubtotal"]) == (
        100,
        "EUR",
        1.12,
        112,
    )
    [failure] = company.read("/events", eventName="billing.job.failure")["data"]
    assert "no rate from GBP to USD" in str(failure)


def test_w21_a_one_off_charge(company: Company) -> None:
    account = company.account(start=NOVEMBER)
    dates = {"servicePeriodStartDate": NOVEMBER, "servicePeriodEndDate": NEXT, "billDate": "2023-12-01"}
    company.make(
        "/charges",
        accountId=account["id"],
        code="onboarding",
        name="Onboarding fee",
        entityType="AD_HOC",
        lineItemType="AD_HOC",
        currency="USD",
        amount=500,
        **dates,
    )
    assert [(bill["billDate"], lines(bill)) for bill in company.bills("2023-11-30", account)] == [
        ("2023-12-01", [("AD_HOC", 500)])
    ]


def test_w22_an_end_is_exclusive(company: Company) -> None:
    plan = company.plan(price(company.counted("gb"), (0, 0, 1)), standingCharge=20)
    account = company.account(plan, start="2022-05-01T00:00:00Z", end="2022-06-01T00:00:00Z")
    company.use(account, "2022-05-31T23:59:59.999Z", gb=5)
    company.use(account, "2022-06-01T00:00:00Z", gb=7)
    [bill] = company.bills("2022-05-31", account)
    assert lines(bill) == [("USAGE", 5), ("STANDING_CHARGE", 20)]
    assert {line["servicePeriodEndDate"] for line in bill["lineItems"]} == {"2022-06-01T00:00:00.000000Z"}
    assert company.bills("2022-06-30", account) == []


def test_w23_credits_stop_at_what_they_are_set_against(company: Company) -> None:
    gb, files = company.counted("gb"), company.counted("files")
    credit = price(company.counted("credit"), (0, 0, 1), type="PRODUCT_CREDIT")
    gift = price(company.counted("gift"), (0, 0, 1), type="GLOBAL_CREDIT")
    other = company.make("/products", code="other", name="Other")["id"]
    first = company.plan(price(gb, (0, 0, 1)), credit, gift)
    second = company.plan(price(files, (0, 0, 1)), product=other)
    account = company.account(first, second, start=NOVEMBER)
    company.use(account, "2023-11-05T10:00:00Z", gb=40, files=100, credit=60, gift=200)
    [bill] = company.bills("2023-11-30", account)
    assert [amount for kind, amount in lines(bill) if kind == "USAGE_CREDIT"] == [-40, -100]
    assert bill["billTotal"] == 0


def test_a_locked_bill_is_corrected_on_the_next_one(company: Company) -> None:
    account = company.account(company.plan(price(company.counted("gb"), (0, 0, 1))), start=NOVEMBER)
    company.use(account, "2023-11-05T10:00:00Z", gb=40)
    [bill] = company.bills("2023-11-30", account)
    company.put(f"/bills/{bill['id']}/status", status="APPROVED")
    company.put(f"/bills/{bill['id']}/lock")
    [following] = company.bills("2023-12-31", account)
    company.use(account, "2023-11-28T10:00:00Z", gb=7)
    correction = f"/bills/{bill['id']}/correction"
    assert company.read(correction)["total"] == 7
    assert company.make(correction)["targetBillId"] == following["id"]
    assert company.make(correction)["count"] == company.read(correction)["count"] == 0
    [line] = company.read(f"/bills/{following['id']}")["lineItems"][-1:]
    assert (line["lineItemType"], line["subtotal"], line["referencedBillId"]) == ("DEBIT_MEMO", 7, bill["id"])

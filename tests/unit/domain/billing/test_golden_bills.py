"""Worked bills: the examples of billing.md 15 that concern plans, usage and standing charges."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.unit.domain.billing.agreements import (
    aggregation,
    bill,
    conversion,
    inputs,
    instant,
    lines,
    plan,
    pricing,
    terms,
)
from usance.domain.billing.attached import Product, Standing
from usance.domain.billing.dates import external_invoice_date
from usance.domain.billing.numbering import Numbering
from usance.domain.billing.pricings import Minimum, PricingType
from usance.domain.billing.terms import InvoiceDateRule
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import Rounding

TIERED = ((0, 0, "0.15"), (500, 0, "0.10"))


def test_w1_cloud_storage() -> None:
    storage = plan(
        pricing("p1", aggregation=aggregation("gb"), rows=TIERED, cumulative=True),
        pricing("p2", aggregation=aggregation("files"), rows=[(0, 0, "0.50")], cumulative=True),
        pricing("p3", aggregation=aggregation("seconds"), rows=[(0, 12, 0), (4, 25, 0), (6, 50, 0)]),
        standing=Standing(Decimal(20)),
    )
    draft = bill(inputs("2024-02-01", storage), {"gb": 620, "files": 40, "seconds": "5.2"})
    assert lines(draft) == [("USAGE", "87.00"), ("USAGE", "20.00"), ("USAGE", "25.00"), ("STANDING_CHARGE", "20.00")]
    assert draft.total == Decimal("152.00")


def test_w3_quantity_per_unit() -> None:
    throughput = aggregation("kib", quantity_per_unit=Decimal(500), rounding=Rounding.UP)
    draft = bill(inputs("2024-02-01", plan(pricing(aggregation=throughput, rows=[(0, 0, "0.25")]))), {"kib": 48900})
    assert draft.total == Decimal("24.50")
    item = draft.lines[0].item
    assert (item.quantity, item.units, item.average_unit_price) == (48900, 98, Decimal("0.25"))


@pytest.mark.parametrize(("span", "second"), [(True, "55.00"), (False, "75.00")])
def test_w4_tiers_that_span_the_plan(span: bool, second: str) -> None:
    spanning = plan(pricing(rows=TIERED, cumulative=True, tiers_span_plan=span), start=instant("2024-01-01"))
    usage = {"2024-01-01": 400, "2024-02-01": 500}
    totals = [
        str(bill(inputs(day, spanning), lambda query: usage[query.span.start.date().isoformat()]).total)
        for day in ("2024-02-01", "2024-03-01")
    ]
    assert totals == ["60.00", second]


@pytest.mark.parametrize("level", ["plan", "pricing"])
@pytest.mark.parametrize(
    ("in_advance", "usage", "opening", "closing"),
    [
        (False, 800, [], [("USAGE", "800.00"), ("MINIMUM_SPEND", "200.00")]),
        (False, 1300, [], [("USAGE", "1300.00")]),
        (True, 800, [("MINIMUM_SPEND", "1000.00")], [("USAGE", "800.00"), ("MINIMUM_SPEND_REFUND", "-800.00")]),
        (True, 1300, [("MINIMUM_SPEND", "1000.00")], [("USAGE", "1300.00"), ("MINIMUM_SPEND_REFUND", "-1000.00")]),
    ],
)
def test_w5_minimum_spend(
    level: str, in_advance: bool, usage: int, opening: list[tuple[str, str]], closing: list[tuple[str, str]]
) -> None:
    minimum = Minimum(Decimal(1000), in_advance)
    month = {"start": instant("2024-01-01"), "end": instant("2024-02-01")}
    attached = (
        plan(pricing(minimum=minimum), **month) if level == "pricing" else plan(pricing(), minimum=minimum, **month)
    )
    assert lines(bill(inputs("2024-01-01", attached))) == opening
    assert lines(bill(inputs("2024-02-01", attached), {"gb": usage})) == closing


def test_w7_a_plan_that_starts_mid_month_pays_its_days() -> None:
    attached = plan(standing=Standing(Decimal(20)), start=instant("2022-06-15"))
    assert lines(bill(inputs("2022-07-01", attached))) == [("STANDING_CHARGE", "10.67")]


@pytest.mark.parametrize(
    ("rule", "shown"), [("FIRST_DAY_OF_NEXT_PERIOD", "2023-10-01"), ("LAST_DAY_OF_ARREARS", "2023-09-30")]
)
def test_w10_invoice_date(rule: str, shown: str) -> None:
    assert external_invoice_date(date(2023, 10, 1), InvoiceDateRule(rule)) == date.fromisoformat(shown)


def test_w11_numbering() -> None:
    numbering = Numbering("INVOICE-", 100)
    assert numbering.text(numbering.following(None)) == "INVOICE-101"
    assert numbering.text(numbering.following(101)) == "INVOICE-102"


def test_a_raised_start_of_numbering_jumps_ahead_and_a_lowered_one_repeats_nothing() -> None:
    assert Numbering("N", 500).following(101) == 501
    assert Numbering("N", 1).following(101) == 102


def test_w13_a_pricing_later_than_the_plan() -> None:
    attached = plan(pricing(start=instant("2022-09-01")), standing=Standing(Decimal(20)), start=instant("2022-08-01"))
    assert lines(bill(inputs("2022-09-01", attached), {"gb": 100})) == [("STANDING_CHARGE", "20.00")]


@pytest.mark.parametrize(("offset", "charged"), [(0, ["2022-04-01", "2022-10-01"]), (1, ["2022-07-01", "2023-01-01"])])
@pytest.mark.parametrize("in_advance", [False, True])
def test_w14_interval_and_offset_of_the_standing_charge(offset: int, charged: list[str], in_advance: bool) -> None:
    quarterly = Calendar(Frequency.MONTHLY, 3, date(2022, 1, 1))
    attached = plan(calendar=quarterly, standing=Standing(Decimal(60), in_advance, interval=2, offset=offset))
    days = ["2022-01-01", "2022-04-01", "2022-07-01", "2022-10-01", "2023-01-01"]
    if in_advance:
        charged = [days[days.index(day) - 1] for day in charged]
        days.pop()
    bills = {day: lines(bill(inputs(day, attached))) for day in days}
    assert [day for day, found in bills.items() if found] == charged
    assert all(found == [("STANDING_CHARGE", "60.00")] for found in bills.values() if found)


def test_w18_another_currency() -> None:
    attached = plan(pricing(), currency="EUR")
    euro = terms(conversions=(conversion("EUR", "USD", "1.12"),))
    draft = bill(inputs("2024-02-01", attached, terms=euro), {"gb": 100})
    line = draft.lines[0]
    assert (line.item.subtotal, line.rate, line.converted_subtotal) == (100, Decimal("1.12"), 112)
    assert draft.conversions_used == [("EUR", "USD", Decimal("1.12"))]


@pytest.mark.parametrize("rates", [(), (("usd", "USD"),), (("USD", "EUR"),)])
def test_w18_without_a_rate_there_is_no_bill(rates: tuple[tuple[str, str], ...]) -> None:
    given = terms(conversions=tuple(conversion(*rate, "1.12") for rate in rates))
    attached = plan(pricing(), currency="EUR")
    with pytest.raises(InvalidInputError, match="currencyConversions has no rate from EUR to USD"):
        bill(inputs("2024-02-01", attached, terms=given), {"gb": 100})


def test_w23_credits_stop_at_what_they_are_set_against() -> None:
    other = Product("other", "Compute", "compute")
    first = plan(
        pricing("a1", aggregation=aggregation("a")),
        pricing("a2", aggregation=aggregation("credit"), type=PricingType.PRODUCT_CREDIT),
        pricing("a3", aggregation=aggregation("gift"), type=PricingType.GLOBAL_CREDIT),
    )
    second = replace(plan(pricing("b1", aggregation=aggregation("b"))), account_plan_id="second", product=other)
    draft = bill(inputs("2024-02-01", first, second), {"a": 40, "b": 100, "credit": 60, "gift": 200})
    assert lines(draft) == [
        ("USAGE", "40.00"),
        ("USAGE", "100.00"),
        ("USAGE_CREDIT", "-40.00"),
        ("USAGE_CREDIT", "-100.00"),
    ]
    assert draft.total == 0

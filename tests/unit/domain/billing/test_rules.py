"""The rules that shape line items, one by one (billing.md 2.7, 3, 12)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import (
    PRODUCT,
    aggregation,
    bill,
    inputs,
    instant,
    lines,
    plan,
    pricing,
    terms,
)
from usance.domain.billing.attached import Product, Standing
from usance.domain.billing.minimum_spend import correction
from usance.domain.billing.pipeline import plan_usage
from usance.domain.billing.pricings import Minimum, PricingType
from usance.domain.billing.terms import Conversion, DateOverrides, Terms
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.timezones import time_zone

JANUARY = "2024-02-01"


def test_two_pricings_that_meet_inside_a_period_make_two_items() -> None:
    attached = plan(
        pricing("old", end=instant("2024-01-16"), rows=[(0, 0, 1)]),
        pricing("new", start=instant("2024-01-16"), rows=[(0, 0, 2)]),
    )
    draft = bill(inputs(JANUARY, attached), lambda _: 10)
    assert [(line.item.pricing_id, line.item.span.start.day, str(line.item.subtotal)) for line in draft.lines] == [
        ("old", 1, "10.00"),
        ("new", 16, "20.00"),
    ]


def test_a_plans_pricing_replaces_its_templates_for_the_same_aggregation() -> None:
    attached = plan(
        pricing("template", of_template=True),
        pricing("own", start=instant("2024-01-11"), end=instant("2024-01-21")),
        pricing("other", aggregation=aggregation("files"), of_template=True),
    )
    draft = bill(inputs(JANUARY, attached), lambda _: 1)
    assert [(line.item.pricing_id, line.item.span.start.day) for line in draft.lines] == [
        ("template", 1),
        ("own", 11),
        ("template", 21),
        ("other", 1),
    ]


def test_a_templates_pricing_stays_replaced_although_it_started_later() -> None:
    attached = plan(pricing("own"), pricing("template", start=instant("2024-01-11"), of_template=True))
    draft = bill(inputs(JANUARY, attached), lambda _: 1)
    assert [line.item.pricing_id for line in draft.lines] == ["own"]


def test_of_overlapping_pricings_the_later_start_applies() -> None:
    attached = plan(pricing("late", start=instant("2023-09-01")), pricing("repair", start=instant("2022-01-01")))
    draft = bill(inputs(JANUARY, attached), {"gb": 1})
    assert [line.item.pricing_id for line in draft.lines] == ["late"]


def test_no_usage_makes_no_item_and_a_default_value_makes_one() -> None:
    silent = pricing("p1", aggregation=aggregation("gb"), rows=[(0, 5, 1)])
    default = pricing("p2", aggregation=aggregation("files", default_value=Decimal(0)), rows=[(0, 5, 1)])
    assert lines(bill(inputs(JANUARY, plan(silent, default)))) == [("USAGE", "5.00")]


def test_a_segment_asks_for_its_share_and_names_it() -> None:
    segmented = aggregation(segmented_fields=("region",), segments=((("region", "eu"),), (("region", "*"),)))
    given = inputs(JANUARY, plan(pricing(aggregation=segmented, segment=(("region", "eu"),))))
    (query,) = plan_usage(given)
    assert (query.segmented_fields, query.segment) == (("region",), (("region", "eu"),))
    assert query.segments == ((("region", "eu"),), (("region", "*"),))
    draft = bill(given, lambda _: 3)
    assert (draft.lines[0].item.description, draft.lines[0].item.segment) == ("GB (eu)", {"region": "eu"})


def test_default_descriptions() -> None:
    attached = plan(pricing(minimum=Minimum(Decimal(10))), standing=Standing(Decimal(1)), minimum=Minimum(Decimal(100)))
    draft = bill(inputs(JANUARY, attached), {"gb": 1})
    assert [line.item.description for line in draft.lines] == [
        "GB",
        "Standing Charge",
        "GB Minimum Spend Adjustment",
        "Storage Minimum Spend Adjustment",
    ]


def test_accounting_products_by_precedence() -> None:
    names = ("pricing", "aggregation", "standing", "minimum")
    products = {name: Product(name, name, name) for name in names} | {PRODUCT.id: PRODUCT}
    counted = aggregation("files", accounting_product_id="aggregation")
    attached = plan(
        pricing("p1", aggregation=counted, accounting_product_id="pricing"),
        pricing("p2", aggregation=aggregation("x", accounting_product_id="aggregation")),
        pricing("p3", aggregation=aggregation("y")),
        standing=Standing(Decimal(1), accounting_product_id="standing"),
        minimum=Minimum(Decimal(100), accounting_product_id="minimum"),
    )
    draft = bill(inputs(JANUARY, attached, products=products), lambda _: 1)
    found = [line.item.accounting_product for line in draft.lines]
    assert [product and product.id for product in found] == [
        "pricing",
        "aggregation",
        "product",
        "standing",
        "minimum",
    ]


def test_a_pricings_minimum_counts_towards_the_plans_and_a_standing_charge_does_not() -> None:
    attached = plan(
        pricing(minimum=Minimum(Decimal(50))), standing=Standing(Decimal(500)), minimum=Minimum(Decimal(80))
    )
    assert lines(bill(inputs(JANUARY, attached), {"gb": 10})) == [
        ("USAGE", "10.00"),
        ("STANDING_CHARGE", "500.00"),
        ("MINIMUM_SPEND", "40.00"),
        ("MINIMUM_SPEND", "30.00"),
    ]


def test_a_credit_has_no_minimum_spend() -> None:
    credit = pricing("c", type=PricingType.GLOBAL_CREDIT, minimum=Minimum(Decimal(50)))
    assert lines(bill(inputs(JANUARY, plan(credit)), {"gb": 10})) == [("USAGE_CREDIT", "0.00")]


def test_a_pricings_minimum_in_advance_counts_towards_the_plans_of_the_same_period() -> None:
    attached = plan(
        pricing(minimum=Minimum(Decimal(50), in_advance=True)),
        minimum=Minimum(Decimal(80)),
        end=instant("2024-02-01"),
    )
    assert lines(bill(inputs(JANUARY, attached), {"gb": 10})) == [
        ("USAGE", "10.00"),
        ("MINIMUM_SPEND_REFUND", "-10.00"),
        ("MINIMUM_SPEND", "30.00"),
    ]


def test_minimums_are_prorated_like_standing_charges() -> None:
    attached = plan(pricing(), minimum=Minimum(Decimal(310)), start=instant("2024-01-22"))
    assert lines(bill(inputs(JANUARY, attached))) == [("MINIMUM_SPEND", "100.00")]


def test_a_standing_charge_before_the_epoch_may_pass_one_period() -> None:
    attached = plan(standing=Standing(Decimal(31)), start=instant("2021-10-01"))
    assert lines(bill(inputs("2022-01-01", attached))) == [("STANDING_CHARGE", "92.00")]


def test_in_advance_the_last_period_pays_its_days_alone() -> None:
    attached = plan(standing=Standing(Decimal(31), in_advance=True), end=instant("2024-01-11"))
    assert lines(bill(inputs("2024-01-01", attached))) == [("STANDING_CHARGE", "10.00")]
    assert lines(bill(inputs(JANUARY, attached))) == []


def test_a_group_of_periods_that_the_plan_leaves_early_pays_its_days() -> None:
    attached = plan(standing=Standing(Decimal(59), interval=2), start=instant("2023-01-01"), end=instant("2023-02-01"))
    assert lines(bill(inputs("2023-02-01", attached))) == [("STANDING_CHARGE", "31.00")]


def test_lines_are_rounded_as_the_currency_says_and_bands_are_not() -> None:
    yen = {"JPY": Currency("JPY", 0, RoundingMode.UP)}
    attached = plan(pricing(rows=[(0, 0, "0.1")]), currency="JPY")
    draft = bill(inputs(JANUARY, attached, terms=terms(billing_currency="JPY", currencies=yen)), {"gb": 11})
    assert (draft.lines[0].item.subtotal, draft.lines[0].item.bands[0].subtotal) == (2, Decimal("1.1"))


def test_the_total_is_the_sum_of_rounded_lines() -> None:
    thirds = [pricing(f"p{n}", aggregation=aggregation(f"a{n}"), rows=[(0, 0, "0.005")]) for n in range(3)]
    assert bill(inputs(JANUARY, plan(*thirds)), lambda _: 1).total == Decimal("0.03")


def test_dates_follow_from_the_day_of_the_bill_unless_the_job_sets_them() -> None:
    draft = bill(inputs(JANUARY, plan(), terms=terms(days_before_due=30)))
    assert (draft.start, draft.end, draft.bill_date) == (date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 1))
    assert (draft.due_date, draft.external_invoice_date) == (date(2024, 3, 2), date(2024, 2, 1))
    chosen = DateOverrides(date(2024, 2, 5), date(2024, 4, 1), date(2024, 1, 31))
    draft = bill(inputs(JANUARY, plan(), terms=terms(dates=chosen)))
    assert (draft.bill_date, draft.due_date, draft.external_invoice_date) == (
        date(2024, 2, 5),
        date(2024, 4, 1),
        date(2024, 1, 31),
    )


@pytest.mark.parametrize(
    ("service", "day", "first"),
    [
        ("2024-01-22", "2024-02-01", date(2024, 1, 1)),  # a plan that starts inside the period
        ("2024-02-01", "2024-02-01", date(2024, 1, 1)),  # one that begins as the period ends
        ("2024-01-22", "2024-01-22", date(2024, 1, 22)),  # the bill that opens service inside a period
        ("2021-10-05", "2022-01-01", date(2021, 10, 5)),  # everything before the epoch
    ],
)
def test_a_bill_starts_with_its_period(service: str, day: str, first: date) -> None:
    attached = plan(standing=Standing(Decimal(1), in_advance=True), start=instant(service))
    assert bill(inputs(day, attached)).start == first


def test_instants_of_the_period_follow_the_time_zone() -> None:
    zoned = terms(zone_name="America/New_York", zone=time_zone("America/New_York"))
    draft = bill(inputs("2024-04-01", plan(), terms=zoned))
    assert draft.start_instant.isoformat() == "2024-03-01T05:00:00+00:00"
    assert draft.end_instant.isoformat() == "2024-04-01T04:00:00+00:00"


def test_a_bill_computed_twice_is_equal() -> None:
    attached = plan(pricing(rows=[(0, 0, "0.1"), (7, 1, "0.3")], cumulative=True), standing=Standing(Decimal(20)))
    first, second = (bill(inputs(JANUARY, attached), {"gb": "10.5"}) for _ in range(2))
    assert first == second
    assert repr(first) == repr(second)


def test_a_line_keeps_its_id_when_other_lines_come_and_go() -> None:
    attached = plan(pricing("p1", aggregation=aggregation("a")), pricing("p2", aggregation=aggregation("b")))
    both = bill(inputs(JANUARY, attached), {"a": 1, "b": 2})
    one = bill(inputs(JANUARY, attached), {"b": 2})
    assert one.lines[0].id == both.lines[1].id
    assert len({line.id for line in both.lines}) == 2


def test_a_credit_is_taken_off_whichever_sign_its_price_is_written_with() -> None:
    for price in ("0.5", "-0.5"):
        credit = pricing("c", aggregation=aggregation("c"), type=PricingType.PRODUCT_CREDIT, rows=[(0, 0, price)])
        draft = bill(inputs(JANUARY, plan(pricing(), credit)), {"gb": 40, "c": 10})
        assert lines(draft) == [("USAGE", "40.00"), ("USAGE_CREDIT", "-5.00")]
        assert draft.lines[1].item.average_unit_price == Decimal("-0.5")


def test_a_credit_is_rounded_as_the_amount_below_zero_that_it_is() -> None:
    floor = terms(currencies={"USD": Currency("USD", 1, RoundingMode.FLOOR)})
    for price in ("0.075", "-0.075"):
        credit = pricing("c", aggregation=aggregation("c"), type=PricingType.PRODUCT_CREDIT, rows=[(0, 0, price)])
        draft = bill(inputs(JANUARY, plan(pricing(), credit), terms=floor), {"gb": 40, "c": 10})
        assert lines(draft) == [("USAGE", "40.0"), ("USAGE_CREDIT", "-0.8")]


def test_a_credit_on_negative_usage_charges_nothing() -> None:
    credit = pricing("c", aggregation=aggregation("c"), type=PricingType.GLOBAL_CREDIT)
    draft = bill(inputs(JANUARY, plan(pricing(), credit)), {"gb": 40, "c": -10})
    assert lines(draft) == [("USAGE", "40.00"), ("USAGE_CREDIT", "0.00")]


def in_euros(mode: RoundingMode = RoundingMode.HALF_UP) -> Terms:
    """Prices in dollars on a bill in euros."""
    currencies = {"EUR": Currency("EUR", 2, mode)}
    return terms(billing_currency="EUR", currencies=currencies, conversions=(Conversion("USD", "EUR", Decimal("0.9")),))


def test_a_credit_takes_no_more_than_the_converted_lines_come_to() -> None:
    """0.57 are 0.51 twice, 1.14 were 1.03: a cent more than the bill has."""
    credit = pricing("c", aggregation=aggregation("c"), type=PricingType.GLOBAL_CREDIT)
    charges = [pricing(code, aggregation=aggregation(code)) for code in ("a", "b")]
    draft = bill(inputs(JANUARY, plan(*charges, credit), terms=in_euros()), {"a": "0.57", "b": "0.57", "c": 5})
    assert lines(draft) == [("USAGE", "0.51"), ("USAGE", "0.51"), ("USAGE_CREDIT", "-1.02")]
    assert draft.lines[-1].item.subtotal == Decimal("-1.13")


used_cents = st.decimals(0, 10, places=2)


@given(
    st.lists(used_cents, min_size=1, max_size=4),
    st.lists(used_cents, min_size=1, max_size=2),
    st.sampled_from([mode for mode in RoundingMode if mode is not RoundingMode.UNNECESSARY]),
)
def test_credits_never_bring_a_converted_bill_below_nothing(
    used: list[Decimal], credited: list[Decimal], mode: RoundingMode
) -> None:
    types = (PricingType.PRODUCT_CREDIT, PricingType.GLOBAL_CREDIT)
    charges = [pricing(f"u{n}", aggregation=aggregation(f"u{n}")) for n in range(len(used))]
    credits_ = [pricing(f"c{n}", aggregation=aggregation(f"c{n}"), type=types[n]) for n in range(len(credited))]
    values = {f"{kind}{n}": value for kind, all_ in (("u", used), ("c", credited)) for n, value in enumerate(all_)}
    assert bill(inputs(JANUARY, plan(*charges, *credits_), terms=in_euros(mode)), values).total >= 0


cents = st.decimals(0, 10_000, places=2)


@given(cents, st.decimals(-1_000, 10_000, places=2))
def test_minimum_and_usage_together_cost_the_greater_of_the_two(minimum: Decimal, usage: Decimal) -> None:
    _, lifted = correction(minimum, usage, Decimal(0))
    _, refund = correction(minimum, usage, minimum)
    assert usage + lifted == max(minimum, usage)
    assert minimum + usage + refund == max(minimum, usage)


@given(st.integers(1, 30), st.decimals(0, 100_000, places=2))
def test_the_parts_of_a_split_period_sum_to_the_whole(day: int, amount: Decimal) -> None:
    """A plan that hands over to another inside a month costs what one plan costs, up to the rounding of a line each."""
    switch = instant(f"2024-01-{day + 1:02}")
    exact = terms(currencies={"USD": Currency("USD", 5)})
    standing = Standing(amount)
    before, after = plan(standing=standing, end=switch), plan(standing=standing, start=switch)
    split = bill(inputs(JANUARY, before, after, terms=exact)).total
    assert abs(split - amount) <= Decimal("0.00001")


@pytest.mark.parametrize("in_advance", [True, False])
def test_a_year_of_bills_charges_a_years_standing(in_advance: bool) -> None:
    attached = plan(standing=Standing(Decimal(100), in_advance), start=instant("2023-01-01"), end=instant("2024-01-01"))
    days = [f"2023-{month:02}-01" for month in range(1, 13)] + ["2024-01-01"]
    assert sum(bill(inputs(day, attached)).total for day in days) == 1200

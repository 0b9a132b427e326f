"""Charges over bands: the numbers of billing.md W1 to W4 and of other billing engines."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import bands
from usance.domain.kernel.quantity import Rounding, rated_units
from usance.domain.rating.bands import Band, charge
from usance.domain.rating.spanning import spanning_charge

TIERED = ((0, 0, "0.15"), (500, 0, "0.10"))
STAIRS = ((0, 12, 0), (4, 25, 0), (6, 50, 0))
CUSTOM = ((0, 10, "0.15"), (500, 5, "0.10"))
CASES = [
    *[(TIERED, True, units, price) for units, price in [
        ("0", "0"), ("1", "0.15"), ("500", "75"), ("501", "75.1"), ("600", "85"), ("1200", "145"), ("620", "87")]],
    *[(TIERED, False, units, price) for units, price in [("500", "75"), ("501", "50.1"), ("600", "60")]],
    *[(STAIRS, False, units, price) for units, price in [
        ("3.2", "12"), ("4", "12"), ("4.01", "25"), ("6", "25"), ("6.5", "50"), ("5.2", "25")]],
    *[(CUSTOM, True, units, price) for units, price in [("100", "25"), ("500", "85"), ("600", "100")]],
    *[(CUSTOM, False, units, price) for units, price in [("100", "25"), ("500", "85"), ("600", "65")]],
]  # fmt: skip
OTHER_ENGINES = json.loads(Path(__file__).with_name("band_cases.json").read_text())


@pytest.mark.parametrize(("rows", "cumulative", "units", "price"), CASES)
def test_worked_examples(rows: Any, cumulative: bool, units: str, price: str) -> None:
    assert charge(bands(*rows), Decimal(units), cumulative=cumulative).subtotal == Decimal(price)


@pytest.mark.parametrize("case", OTHER_ENGINES, ids=lambda case: case["name"])
def test_numbers_of_other_engines(case: dict[str, Any]) -> None:
    units = rated_units(
        Decimal(case["quantity"]), Decimal(case.get("per", "1")), Rounding(case.get("rounding", "NONE"))
    )
    priced = charge(bands(*case["bands"]), units, cumulative=case["walk"] == "tiers")
    assert priced.subtotal == Decimal(case["price"])


def test_quantity_per_unit_rounds_after_dividing() -> None:
    assert rated_units(Decimal(48900), Decimal(500), Rounding.UP) == 98
    assert charge(bands((0, 0, "0.25")), Decimal(98), cumulative=True).subtotal == Decimal("24.50")


@pytest.mark.parametrize(("quantity", "units"), [("5.1", "5"), ("3.5", "4")])
def test_nearest_is_half_up(quantity: str, units: str) -> None:
    assert rated_units(Decimal(quantity), Decimal(1), Rounding.NEAREST) == Decimal(units)


def test_only_touched_bands_are_listed() -> None:
    priced = charge(bands(*TIERED), Decimal(500), cumulative=True)
    assert [(part.band.id, part.units, part.subtotal) for part in priced.bands] == [("band-0", 500, Decimal("75.00"))]


def test_bands_may_come_in_any_order() -> None:
    assert charge(bands(*reversed(TIERED)), Decimal(600), cumulative=True).subtotal == 85


def test_a_first_band_above_zero_still_prices_from_zero() -> None:
    assert charge(bands((10, 1, 2)), Decimal(5), cumulative=True).subtotal == 11


def test_tiers_that_span_the_plan_go_on_where_the_last_period_ended() -> None:
    first = spanning_charge(bands(*TIERED), None, Decimal(400), cumulative=True)
    second = spanning_charge(bands(*TIERED), Decimal(400), Decimal(500), cumulative=True)
    assert (first.subtotal, second.subtotal) == (60, 55)
    assert [(part.units, part.subtotal) for part in second.bands] == [(100, 15), (400, 40)]


def test_a_spanning_fixed_price_falls_due_once() -> None:
    rows = bands((0, 10, 1), (100, 5, 1))
    second = spanning_charge(rows, Decimal(50), Decimal(100), cumulative=True)
    third = spanning_charge(rows, Decimal(150), Decimal(10), cumulative=True)
    assert (second.subtotal, third.subtotal) == (105, 10)


def test_a_spanning_period_without_units_pays_the_first_fixed_price_for_all() -> None:
    rows = bands((0, 10, 1))
    assert spanning_charge(rows, None, Decimal(0), cumulative=True).subtotal == 10
    assert spanning_charge(rows, Decimal(0), Decimal(3), cumulative=True).subtotal == 3


def test_spanning_volume_bands_may_give_back() -> None:
    second = spanning_charge(bands((0, 0, 2), (100, 0, 1)), Decimal(100), Decimal(10), cumulative=False)
    assert second.subtotal == 110 - 200
    assert sum(part.subtotal for part in second.bands) == second.subtotal


amounts = st.decimals(0, 1000, places=2)
tables = st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=5, unique_by=lambda row: row[0]).map(
    lambda rows: tuple(Band(str(n), *row) for n, row in enumerate(sorted(rows)))
)


@given(tables, st.lists(amounts, min_size=1, max_size=6), st.booleans())
def test_spanning_charges_of_the_parts_sum_to_the_charge_of_the_whole(
    table: tuple[Band, ...], parts: list[Decimal], cumulative: bool
) -> None:
    before: Decimal | None = None
    total = Decimal(0)
    for units in parts:
        priced = spanning_charge(table, before, units, cumulative=cumulative)
        assert sum((part.subtotal for part in priced.bands), Decimal(0)) == priced.subtotal
        total += priced.subtotal
        before = (before or Decimal(0)) + units
    assert total == charge(table, sum(parts, Decimal(0)), cumulative=cumulative).subtotal


@given(tables, amounts, amounts)
def test_more_units_never_cost_less_in_tiers(table: tuple[Band, ...], units: Decimal, more: Decimal) -> None:
    assert charge(table, units + more, cumulative=True).subtotal >= charge(table, units, cumulative=True).subtotal


@given(tables, amounts, st.booleans())
def test_bands_account_for_every_unit_and_every_cent(table: tuple[Band, ...], units: Decimal, cumulative: bool) -> None:
    priced = charge(table, units, cumulative=cumulative)
    assert sum(part.units for part in priced.bands) == units
    assert sum(part.subtotal for part in priced.bands) == priced.subtotal

"""Amounts in whole units lose nothing of the total."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.domain.integrations.amounts import places_of, rounded, whole_units

AMOUNTS = st.lists(st.decimals(-(10**9), 10**9, places=5), max_size=20)


@given(AMOUNTS, st.integers(0, 3))
def test_whole_units_add_up_to_the_rounded_total(amounts: list[Decimal], places: int) -> None:
    assert sum(whole_units(amounts, places)) == rounded(sum(amounts, Decimal(0)), places).scaleb(places)


@given(AMOUNTS, st.integers(0, 3))
def test_no_amount_is_a_whole_unit_away_from_itself(amounts: list[Decimal], places: int) -> None:
    for amount, units in zip(amounts, whole_units(amounts, places), strict=True):
        assert abs(amount.scaleb(places) - units) < 1


@given(st.lists(st.decimals(-(10**9), 10**9, places=2), max_size=20))
def test_amounts_that_need_no_rounding_stay_as_they_are(amounts: list[Decimal]) -> None:
    assert whole_units(amounts, 2) == [int(amount.scaleb(2)) for amount in amounts]


def test_the_largest_remainder_is_rounded_up() -> None:
    assert whole_units([Decimal("0.333"), Decimal("0.336"), Decimal("0.331")], 2) == [33, 34, 33]


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("jpy", 0), ("KWD", 3), ("XYZ", 2)])
def test_currencies_have_their_own_places(currency: str, places: int) -> None:
    assert places_of(currency) == places

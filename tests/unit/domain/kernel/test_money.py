"""Rounding of money: every mode, and what cannot be rounded (billing.md 2.8)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.billing.naive.arithmetic import Coin
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency, Money, RoundingMode
from usance.domain.kernel.quantity import EXACT, Rounding, rated_units


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        ("UP", ["0.02", "-0.02", "0.03"]),
        ("DOWN", ["0.01", "-0.01", "0.02"]),
        ("CEILING", ["0.02", "-0.01", "0.03"]),
        ("FLOOR", ["0.01", "-0.02", "0.02"]),
        ("HALF_UP", ["0.02", "-0.02", "0.03"]),
        ("HALF_DOWN", ["0.01", "-0.01", "0.02"]),
        ("HALF_EVEN", ["0.02", "-0.02", "0.02"]),
    ],
)
def test_each_mode_rounds_as_its_name_says(mode: str, rounded: list[str]) -> None:
    currency = Currency("USD", 2, RoundingMode(mode))
    amounts = ("0.015", "-0.015", "0.025")
    assert [currency.round(Decimal(amount)) for amount in amounts] == [Decimal(amount) for amount in rounded]


def test_unnecessary_refuses_to_lose_digits_and_only_that() -> None:
    currency = Currency("USD", 2, RoundingMode.UNNECESSARY)
    assert str(currency.round(Decimal("1.5"))) == "1.50"
    with pytest.raises(InvalidInputError, match=r"0\.001 USD needs rounding"):
        currency.round(Decimal("0.001"))


@pytest.mark.parametrize("mode", RoundingMode)
def test_an_amount_of_more_digits_than_are_kept_is_refused(mode: RoundingMode) -> None:
    with pytest.raises(InvalidInputError, match="more than 38 digits"):
        Currency("USD", 2, mode).round(Decimal("1e36"))


@pytest.mark.parametrize("mode", ["UP", "DOWN", "CEILING", "FLOOR"])
def test_thirds_of_a_coin_that_make_whole_ones_are_whole(mode: str) -> None:
    for count, of, coins in (("100", "3", "0.003"), ("200", "3", "0.003"), ("-100", "7", "0.07"), ("55", "11", "0.02")):
        amount = EXACT.multiply(EXACT.divide(Decimal(count), Decimal(of)), Decimal(coins))
        assert Currency("USD", 2, RoundingMode(mode)).round(amount) == Decimal(count) * Decimal(coins) / Decimal(of)


@given(
    quantity=st.integers(-(10**9), 10**9),
    per_unit=st.integers(1, 999),
    price=st.decimals(0, 10, places=6),
    places=st.integers(0, 5),
    mode=st.sampled_from([mode for mode in RoundingMode if mode != "UNNECESSARY"]),
)
def test_units_that_do_not_end_are_charged_as_if_they_were_exact(
    quantity: int, per_unit: int, price: Decimal, places: int, mode: RoundingMode
) -> None:
    units = rated_units(Decimal(quantity), Decimal(per_unit), Rounding.NONE)
    expected = Coin("USD", places, mode).round(Fraction(quantity, per_unit) * Fraction(price))
    assert Fraction(Currency("USD", places, mode).round(EXACT.multiply(units, price))) == expected


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert str(Currency("USD").round(Decimal("-0.001"))) == "0.00"


def test_two_currencies_never_mix() -> None:
    with pytest.raises(InvalidInputError, match="cannot add EUR to USD"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")

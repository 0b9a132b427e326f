"""Rounding of money: every mode, and what cannot be rounded (billing.md 2.8)."""

from decimal import Decimal

import pytest

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency, Money, RoundingMode


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


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert str(Currency("USD").round(Decimal("-0.001"))) == "0.00"


def test_two_currencies_never_mix() -> None:
    with pytest.raises(InvalidInputError, match="cannot add EUR to USD"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")

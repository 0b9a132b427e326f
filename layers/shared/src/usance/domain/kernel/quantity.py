"""Decimals of quantities: the arithmetic context and the four roundings of an aggregation (metering.md 4.2)."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from enum import StrEnum
from typing import Final

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

PRECISION_DIGITS: Final = 38  # what DynamoDB and DuckDB hold exactly
SIZE_MAX_EXPONENT: Final = 30  # of any number that clients send; what is left of the digits is for decimal places
EXACT: Final = Context(prec=PRECISION_DIGITS, rounding=ROUND_HALF_UP)


class Rounding(StrEnum):
    """How a quotient becomes whole units."""

    UP = "UP"
    DOWN = "DOWN"
    NEAREST = "NEAREST"
    NONE = "NONE"


# Of negatives: UP goes away from zero, DOWN toward it, NEAREST half away (metering.md, open question 20).
_MODES: Final[Mapping[Rounding, str]] = {
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
    Rounding.NEAREST: ROUND_HALF_UP,
}


def rated_units(quantity: Decimal, quantity_per_unit: Decimal, rounding: Rounding) -> Decimal:
    """Units to price: `quantity / quantity_per_unit`, rounded after the division. `quantity_per_unit` is above 0."""
    quotient = EXACT.divide(quantity, quantity_per_unit)
    if rounding is Rounding.NONE:
        return quotient
    return quotient.to_integral_value(rounding=_MODES[rounding])

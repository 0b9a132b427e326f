"""Amounts in the smallest units that an external system counts in, so that the lines still add up to the total."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from usance.domain.kernel.quantity import EXACT, ZERO

PLACES_MOST: Final = 2  # of most currencies
PLACES: Final[Mapping[str, int]] = {  # of the others (ISO 4217)
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def places_of(currency: str) -> int:
    """How many decimal places amounts in a currency have (ISO 4217)."""
    return PLACES.get(currency.upper(), PLACES_MOST)


def rounded(amount: Decimal, places: int) -> Decimal:
    """`amount` with so many places, halves away from 0."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=EXACT)


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    with localcontext(EXACT):
        return sum(amounts, ZERO)


def whole_units(amounts: Sequence[Decimal], places: int) -> list[int]:
    """Each amount in units of 10^-`places`; together they are the rounded sum of all.

    Each is the amount rounded down or up. Those with the largest remainders are rounded up, the first of equals first; amounts
    that need no rounding stay as they are.
    """
    scaled = [amount.scaleb(places, context=EXACT) for amount in amounts]
    units = [int(amount.to_integral_value(rounding=ROUND_FLOOR)) for amount in scaled]
    missing = int(sum_of(scaled).to_integral_value(rounding=ROUND_HALF_UP)) - sum(units)
    by_remainder = sorted(range(len(units)), key=lambda at: units[at] - scaled[at])
    for at in by_remainder[:missing]:
        units[at] += 1
    return units

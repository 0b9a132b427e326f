"""The parts of a charge that several accounts share: in proportion, and together exactly the whole."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from usance.domain.kernel.quantity import EXACT, ONE, PRECISION_DIGITS, ZERO
from usance.domain.rating.bands import BandCharge

PLACES: Final = 12  # of units and of the amounts of bands, which are exact and may not divide


def split(whole: Decimal, weights: Sequence[Decimal], places: int) -> list[Decimal]:
    """`whole`, which has at most `places` places, in proportion to `weights`; the parts have `places` and sum to it.

    The k-th part is the rounded share of the first k weights less that of the first k - 1, so that roundings never add
    up. Weights that sum to 0 tell nothing: the first part is the whole.
    """
    with localcontext(EXACT):
        total = sum(weights, ZERO)
        if not total:
            return [whole, *(ZERO for _ in weights[1:])]
        parts: list[Decimal] = []
        given, running = ZERO, ZERO
        for weight in weights:
            running += weight
            upto = whole if running == total else _rounded(whole * running / total, places)
            parts.append(upto - given)
            given = upto
        return parts


def split_bands(bands: Sequence[BandCharge], weights: Sequence[Decimal]) -> list[tuple[BandCharge, ...]]:
    """For each weight its part of every band."""
    parts: list[list[BandCharge]] = [[] for _ in weights]
    for band in bands:
        units, unit_subtotals, subtotals = (
            split(whole, weights, PLACES) for whole in (band.units, band.unit_subtotal, band.subtotal)
        )
        for at, mine in enumerate(parts):
            mine.append(replace(band, units=units[at], unit_subtotal=unit_subtotals[at], subtotal=subtotals[at]))
    return [tuple(mine) for mine in parts]


def _rounded(value: Decimal, places: int) -> Decimal:
    if value.adjusted() > PRECISION_DIGITS - places - 2:  # as many digits as are kept exactly
        return value
    return value.quantize(ONE.scaleb(-places), rounding=ROUND_HALF_UP)

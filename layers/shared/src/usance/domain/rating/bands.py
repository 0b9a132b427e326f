"""Tiered and volume charges over pricing bands (billing.md 2.4).

The five kinds of pricing are these two walks: tiered and custom tiered are cumulative; volume, stairstep and custom
volume are not. A value on a band's lower limit belongs to the band below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from usance.domain.kernel.quantity import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class Band:
    """Applies to units above `lower_limit`. `fixed_price` is charged once when the band is touched."""

    id: str
    lower_limit: Decimal
    fixed_price: Decimal
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class BandCharge:
    """What one touched band contributes. Nothing here is rounded."""

    band: Band
    units: Decimal
    unit_subtotal: Decimal
    subtotal: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """A price for `units`, band by band; `subtotal` is the sum of the bands."""

    units: Decimal
    bands: tuple[BandCharge, ...]
    subtotal: Decimal


def charge(bands: Sequence[Band], units: Decimal, *, cumulative: bool) -> Charge:
    """Price `units` (already divided by quantityPerUnit and rounded). `bands` has at least one band, in any order."""
    ordered = sorted(bands, key=lambda band: band.lower_limit)
    with localcontext(EXACT):
        touched = _tiers(ordered, units) if cumulative else (_volume(ordered, units),)
        return Charge(units, touched, sum((band.subtotal for band in touched), ZERO))


def _tiers(bands: Sequence[Band], units: Decimal) -> tuple[BandCharge, ...]:
    """Each band prices the units inside it; the first band is always touched and counts from zero."""
    touched = []
    for position, band in enumerate(bands):
        start = band.lower_limit if position else ZERO
        if position and units <= start:
            break
        last = position + 1 == len(bands)
        end = units if last else min(units, bands[position + 1].lower_limit)
        touched.append(_price(band, end - start))
    return tuple(touched)


def _volume(bands: Sequence[Band], units: Decimal) -> BandCharge:
    """The highest band that `units` pass prices them all."""
    reached = [band for band in bands[1:] if units > band.lower_limit]
    return _price(reached[-1] if reached else bands[0], units)


def _price(band: Band, units: Decimal) -> BandCharge:
    unit_subtotal = units * band.unit_price
    return BandCharge(band, units, unit_subtotal, band.fixed_price + unit_subtotal)

"""How far an amount of money reaches through bands that were priced: the units that it pays for, and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.rating.bands import BandCharge


@dataclass(frozen=True, slots=True)
class Reach:
    """Bands within the amount and bands beyond it; together they are what was priced."""

    within: tuple[BandCharge, ...]
    beyond: tuple[BandCharge, ...]


def reach(bands: Sequence[BandCharge], amount: Decimal) -> Reach:
    """Walk `bands` in their order until `amount`, above or equal to 0, is used up.

    The band in which it ends is cut: its fixed price is paid first, then its units; without a price per unit its units are
    cut in proportion to the money.
    """
    within: list[BandCharge] = []
    beyond: list[BandCharge] = []
    with localcontext(EXACT):
        left = amount
        for band in bands:
            if beyond or band.subtotal > left:
                first, rest = (None, band) if beyond or not left else _cut(band, left)
                within += [first] if first else []
                beyond.append(rest)
            else:
                within.append(band)
                left -= band.subtotal
        return Reach(tuple(within), tuple(beyond))


def _cut(band: BandCharge, amount: Decimal) -> tuple[BandCharge, BandCharge]:
    """The parts of `band` within and beyond `amount`, which is above 0 and less than the band costs."""
    fixed = band.subtotal - band.unit_subtotal
    for_units = max(amount - fixed, ZERO) if band.unit_subtotal > ZERO else ZERO
    share = for_units / band.unit_subtotal if band.unit_subtotal > ZERO else amount / band.subtotal
    units = band.units * share
    first = replace(band, units=units, unit_subtotal=for_units, subtotal=amount)
    rest = replace(
        band,
        units=band.units - units,
        unit_subtotal=band.unit_subtotal - for_units,
        subtotal=band.subtotal - amount,
    )
    return first, rest

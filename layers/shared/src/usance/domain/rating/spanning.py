"""Tiers that count over the whole life of an account plan (tiersSpanPlan, billing.md 2.5)."""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.rating.bands import Band, BandCharge, Charge, charge


def spanning_charge(bands: Sequence[Band], before: Decimal | None, units: Decimal, *, cumulative: bool) -> Charge:
    """What `units` add after `before` units were priced in earlier periods: `f(before + units) - f(before)`.

    `before` is None when nothing was priced yet; 0 when a period of 0 units was, which paid the first band's fixed price.
    With cumulative bands each band's fixed price falls due once, when the plan first enters the band. Without, the
    difference may be negative: a new band reprices what came before.
    """
    with localcontext(EXACT):
        if before is None:
            return charge(bands, units, cumulative=cumulative)
        after = charge(bands, before + units, cumulative=cumulative)
        earlier = charge(bands, before, cumulative=cumulative)
        detail = tuple(part for part in _differences(earlier, after) if part.units or part.subtotal)
        return Charge(units, detail, after.subtotal - earlier.subtotal)


def _differences(earlier: Charge, after: Charge) -> Sequence[BandCharge]:
    """Band by band, `after` less `earlier`; a band that only `earlier` touched is taken back."""
    old = {part.band: part for part in earlier.bands}
    parts = [_less(part, old.pop(part.band, None)) for part in after.bands]
    return [_less(BandCharge(part.band, ZERO, ZERO, ZERO), part) for part in old.values()] + parts


def _less(part: BandCharge, taken: BandCharge | None) -> BandCharge:
    if taken is None:
        return part
    return BandCharge(
        part.band,
        part.units - taken.units,
        part.unit_subtotal - taken.unit_subtotal,
        part.subtotal - taken.subtotal,
    )

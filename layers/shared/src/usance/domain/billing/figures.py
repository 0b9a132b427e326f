"""Numbers as a bill shows them."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from usance.domain.kernel.quantity import EXACT, ONE, PRECISION_DIGITS, ZERO

AVERAGE_PLACES: Final = 12  # a price per token has six or seven; enough to see any average, not the noise of a division


def plain(value: Decimal) -> Decimal:
    """An equal number without trailing zeros or exponent, so that equal numbers are written alike."""
    return EXACT.add(EXACT.normalize(value), ZERO)  # adding 0 brings the exponent down to 0


def average(value: Decimal) -> Decimal:
    """An average price, to `AVERAGE_PLACES` places."""
    if value.adjusted() > PRECISION_DIGITS - AVERAGE_PLACES - 2:
        return plain(value)
    step = ONE.scaleb(-AVERAGE_PLACES)
    return plain(value.quantize(step, rounding=ROUND_HALF_UP, context=EXACT))

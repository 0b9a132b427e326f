"""Currencies and the one place where money is rounded (billing.md 2.8)."""

from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
)
from enum import StrEnum
from typing import Final, Self

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, PRECISION_DIGITS


class RoundingMode(StrEnum):
    """The rounding modes of a currency; UNNECESSARY refuses to round."""

    UP = "UP"
    DOWN = "DOWN"
    CEILING = "CEILING"
    FLOOR = "FLOOR"
    HALF_UP = "HALF_UP"
    HALF_DOWN = "HALF_DOWN"
    HALF_EVEN = "HALF_EVEN"
    UNNECESSARY = "UNNECESSARY"


_MODES: Final = {
    RoundingMode.UP: ROUND_UP,
    RoundingMode.DOWN: ROUND_DOWN,
    RoundingMode.CEILING: ROUND_CEILING,
    RoundingMode.FLOOR: ROUND_FLOOR,
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_DOWN: ROUND_HALF_DOWN,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
}
NOISE_PLACES: Final = 24
"""A third has no end: beyond this place stand the traces of divisions, which must not decide which way a coin falls. Prices
and quantities that end have fewer places together."""
_NOISE: Final = Decimal(1).scaleb(-NOISE_PLACES)
_WITHOUT_ROUNDING: Final = Context(prec=PRECISION_DIGITS, traps=[Inexact, InvalidOperation])


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of the organization. Our choice where the API is silent: 2 places, HALF_UP (billing.md 2.8, Q13)."""

    code: str
    max_decimal_places: int = 2
    rounding_mode: RoundingMode = RoundingMode.HALF_UP

    def round(self, amount: Decimal) -> Decimal:
        """`amount` with `max_decimal_places` places; 0 has no sign.

        `InvalidInputError` when the mode is UNNECESSARY and digits would be lost, or there are more than are kept exactly.
        """
        step = Decimal(1).scaleb(-self.max_decimal_places)
        if int(amount.as_tuple().exponent) < -NOISE_PLACES:
            amount = amount.quantize(_NOISE, rounding=ROUND_HALF_EVEN, context=EXACT)
        try:
            if self.rounding_mode is RoundingMode.UNNECESSARY:
                rounded = amount.quantize(step, context=_WITHOUT_ROUNDING)
            else:
                rounded = amount.quantize(step, rounding=_MODES[self.rounding_mode], context=EXACT)
        except Inexact:
            raise InvalidInputError(
                f"{amount} {self.code} needs rounding to {self.max_decimal_places} places, "
                "which roundingMode UNNECESSARY forbids"
            ) from None
        except InvalidOperation:
            raise InvalidInputError(
                f"{amount} {self.code} has more than {PRECISION_DIGITS} digits with {self.max_decimal_places} places"
            ) from None
        return rounded or rounded.copy_abs()

    def round_down(self, amount: Decimal) -> Decimal:
        """The whole coins in `amount`, which is 0 or more, whatever the mode: what an amount pays for."""
        return amount.quantize(Decimal(1).scaleb(-self.max_decimal_places), rounding=ROUND_DOWN, context=EXACT)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency's code; two currencies never mix."""

    amount: Decimal
    currency: str

    def __add__(self, other: Self) -> "Money":
        """The sum; `InvalidInputError` when the currencies differ."""
        if self.currency != other.currency:
            raise InvalidInputError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

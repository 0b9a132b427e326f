"""The price list of the demo, and a bill by plain arithmetic that shares no code with the one under test."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Final

from demo.trace import LlmRequest

CURRENCY: Final = "USD"
STANDING_CHARGE: Final = Decimal("20.00")
CONTEXT_LIMIT: Final = Decimal(10_000_000)
CONTEXT_PRICE: Final = Decimal("0.000003")
CONTEXT_PRICE_ABOVE: Final = Decimal("0.0000015")
GENERATED_PER_UNIT: Final = Decimal(1_000)
GENERATED_PRICE: Final = Decimal("0.015")
LARGEST_STEPS: Final = ((Decimal(0), Decimal(0)), (Decimal(4_000), Decimal(5)), (Decimal(8_000), Decimal(12)))


@dataclass(frozen=True, slots=True)
class Expected:
    """What one month must come to. Amounts are rounded to cents, each on its own."""

    requests: int
    context_tokens: Decimal
    generated_tokens: Decimal
    largest_context: Decimal
    context_charge: Decimal
    generated_charge: Decimal
    largest_charge: Decimal

    @property
    def total(self) -> Decimal:
        """The bill's total."""
        return self.context_charge + self.generated_charge + self.largest_charge + STANDING_CHARGE


def expected(requests: Sequence[LlmRequest], year: int, month: int) -> Expected:
    """The month's totals and charges."""
    mine = [item for item in requests if (item.time.year, item.time.month) == (year, month)]
    context = sum((item.context_tokens for item in mine), Decimal(0))
    generated = sum((item.generated_tokens for item in mine), Decimal(0))
    largest = max((item.context_tokens for item in mine), default=Decimal(0))
    below = min(context, CONTEXT_LIMIT)
    started = (generated / GENERATED_PER_UNIT).to_integral_value(rounding=ROUND_CEILING)
    return Expected(
        requests=len(mine),
        context_tokens=context,
        generated_tokens=generated,
        largest_context=largest,
        context_charge=_cents(below * CONTEXT_PRICE + (context - below) * CONTEXT_PRICE_ABOVE),
        generated_charge=_cents(started * GENERATED_PRICE),
        largest_charge=_cents([price for above, price in LARGEST_STEPS if largest > above or not above][-1]),
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

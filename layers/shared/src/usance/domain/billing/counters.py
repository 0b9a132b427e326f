"""Counters, their prices and their values."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from usance.domain.rating.bands import Band


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter, as line items name it."""

    id: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class CounterPricing:
    """A price for the value of a counter from `start` to `end` (None: for ever). The flags are those of billing.md 4."""

    id: str
    counter: Counter
    bands: tuple[Band, ...]
    start: datetime
    end: datetime | None = None
    cumulative: bool = False
    in_advance: bool = True
    prorate_running_total: bool = True
    prorate_debit: bool = True
    prorate_credit: bool = True
    description: str | None = None
    accounting_product_id: str | None = None
    of_template: bool = False


@dataclass(frozen=True, slots=True)
class CounterValue:
    """What a counter stands at from `day` on."""

    day: date
    value: Decimal

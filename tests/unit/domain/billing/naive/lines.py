"""What the naive biller bills, and the lines it makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.unit.domain.billing.naive.arithmetic import ZERO, Bands, Coin, Rhythm, days_between, units_of


@dataclass(frozen=True)
class Counted:
    """An aggregation: what a day's usage is, in a pattern that repeats (None: no usage), and how it becomes units."""

    name: str
    daily: Sequence[Fraction | None]
    per_unit: Fraction
    rounding: str
    default: Fraction | None

    def on(self, days: Sequence[date]) -> Fraction | None:
        found = [value for day in days if (value := self.daily[day.toordinal() % len(self.daily)]) is not None]
        return sum(found, ZERO) if found else None

    def units(self, days: Sequence[date]) -> Fraction | None:
        quantity = self.on(days)
        quantity = self.default if quantity is None else quantity
        return None if quantity is None else units_of(quantity, self.per_unit, self.rounding)


@dataclass(frozen=True)
class Floor:
    amount: Fraction
    early: bool


@dataclass(frozen=True)
class Price:
    """A pricing from `start` to before `end` (None: for ever). Overage bands only where tiers are cumulative and do not span."""

    id: str
    counted: Counted
    kind: str
    start: date
    end: date | None
    bands: Bands
    cumulative: bool
    spans: bool
    of_template: bool
    floor: Floor
    overage: Bands = ()

    @property
    def key(self) -> str:
        return self.counted.name

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class CounterPrice:
    """A price of a counter from `start` to before `end`; `early`: running totals in advance. The others say what is prorated."""

    id: str
    counter: str
    start: date
    end: date | None
    bands: Bands
    cumulative: bool
    of_template: bool
    early: bool
    totals: bool
    rises: bool
    falls: bool

    @property
    def key(self) -> str:
        return self.counter

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Window:
    """A period of the calendar and the days of it that are served."""

    start: date
    end: date
    days: Sequence[date]

    @property
    def length(self) -> int:
        return len(days_between(self.start, self.end))

    def share(self, days: int) -> Fraction:
        return Fraction(days, self.length)


@dataclass(frozen=True)
class Deal:
    """A plan on the account."""

    id: str
    product: str
    coin: Coin
    rhythm: Rhythm
    start: date
    end: date | None
    prices: Sequence[Price]
    standing: Fraction
    standing_early: bool
    every: int
    offset: int
    floor: Floor
    counters: Sequence[CounterPrice] = ()
    contract: str = ""

    def windows(self, until: date) -> list["Window"]:
        """The periods from the first that is served, to the one that holds `until` and as many as a charge may cover."""
        periods = self.rhythm.periods(until)
        for _ in range(self.every):
            periods = self.rhythm.periods(periods[-1][1])
        return [
            Window(start, end, [day for day in days_between(start, end) if self.serves(day)])
            for start, end in periods
            if end > self.start
        ]

    def serves(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Pool:
    """A commitment (PREPAYMENT) or balance, for charges of `kinds` from `start` to before `end`.

    Until before `over` at most `rolls` of it (None: all that is left) may pay, too. Empty `products` are all.
    """

    id: str
    kind: str
    coin: Coin
    start: date
    end: date
    over: date
    left: Fraction
    rolls: Fraction | None
    kinds: frozenset[str]
    products: frozenset[str]
    contract: str
    overdraft: bool
    surcharge: Fraction
    apart: bool


@dataclass(frozen=True)
class Extra:
    """A charge of its own."""

    id: str
    coin: Coin
    amount: Fraction
    start: date
    end: date


@dataclass(frozen=True)
class Account:
    """`rates` are to the currency of the bill, `exchanges` between any two others that a credit needs."""

    deals: Sequence[Deal]
    coin: Coin
    rates: dict[str, Fraction]
    values: dict[str, Sequence[tuple[date, int]]]
    extras: Sequence[Extra] = ()
    pools: Sequence[Pool] = ()
    order: Sequence[str] = ()
    back: Fraction = Fraction(1)

    def exchange(self, source: str, target: str) -> Fraction:
        """What one unit of `source` is in `target`. From the bill's currency back there is a rate of its own."""
        if source == target:
            return Fraction(1)
        return self.rates[source] if target == self.coin.code else self.back


@dataclass(frozen=True)
class Line:
    deal: str
    product: str
    contract: str
    kind: str
    price: str
    coin: Coin
    amount: Fraction
    converted: Fraction
    start: date
    end: date
    credit: str = ""
    units: Fraction = ZERO
    bands: Bands = ()
    overage: Bands = ()

"""Arithmetic of the naive rating: fractions, roundings spelled out, calendars walked period by period.

It shares nothing with the engine, so that a mistake would have to be made twice (billing.md 2, 3, 6).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

DAY = timedelta(days=1)
ZERO = Fraction(0)
Bands = Sequence[tuple[int, Fraction, Fraction]]
"""Lower limit, fixed price, unit price; the first limit is 0, the others ascend."""


def _half(beyond: Callable[[int, Fraction], bool]) -> Callable[[Fraction], int]:
    """Rounding of sizes above 0 to the nearest whole; `beyond` decides at exactly half."""

    def rounded(size: Fraction) -> int:
        whole = size.numerator // size.denominator
        rest = size - whole
        return whole + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and beyond(whole, rest)))

    return rounded


def _down(size: Fraction) -> int:
    return size.numerator // size.denominator


def _up(size: Fraction) -> int:
    return -((-size.numerator) // size.denominator)


_OF_SIZES: dict[str, Callable[[Fraction], int]] = {
    "UP": _up,
    "DOWN": _down,
    "HALF_UP": _half(lambda _, __: True),
    "HALF_DOWN": _half(lambda _, __: False),
    "HALF_EVEN": _half(lambda whole, _: whole % 2 == 1),
}


def to_whole(value: Fraction, mode: str) -> int:
    """A value as a whole number, by the rounding modes of java.math."""
    if mode == "CEILING":
        return _up(value) if value > 0 else -_down(-value)
    if mode == "FLOOR":
        return _down(value) if value > 0 else -_up(-value)
    size = _OF_SIZES[mode](abs(value))
    return size if value >= 0 else -size


@dataclass(frozen=True)
class Coin:
    """A currency."""

    code: str
    places: int
    mode: str

    def round(self, amount: Fraction) -> Fraction:
        step = 10**self.places
        return Fraction(to_whole(amount * step, self.mode), step)


def units_of(quantity: Fraction, per_unit: Fraction, rounding: str) -> Fraction:
    """billing.md 2.3: divided first, then rounded."""
    modes = {"UP": "UP", "DOWN": "DOWN", "NEAREST": "HALF_UP"}
    exact = quantity / per_unit
    return exact if rounding == "NONE" else Fraction(to_whole(exact, modes[rounding]))


def price(bands: Bands, units: Fraction, *, cumulative: bool) -> Fraction:
    """billing.md 2.4: a value on a limit belongs to the band below it."""
    if not cumulative:
        _, fixed, each = [band for n, band in enumerate(bands) if n == 0 or units > band[0]][-1]
        return fixed + units * each
    total = ZERO
    for n, (limit, fixed, each) in enumerate(bands):
        if n == 0 or units > limit:
            top = bands[n + 1][0] if n + 1 < len(bands) and units > bands[n + 1][0] else units
            total += fixed + (top - limit) * each
    return total


@dataclass(frozen=True)
class Rhythm:
    """A frequency, an interval and an epoch."""

    frequency: str
    interval: int
    epoch: date

    def boundary(self, k: int) -> date:
        """billing.md 6.2: counted from the epoch each time, clamped to the end of the month."""
        if self.frequency == "DAILY":
            return self.epoch + k * self.interval * DAY
        if self.frequency == "WEEKLY":
            return self.epoch + k * self.interval * 7 * DAY
        year, month = self.epoch.year, self.epoch.month
        for _ in range(k * self.interval * (12 if self.frequency == "ANNUALLY" else 1)):
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        following = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
        return date(year, month, min(self.epoch.day, (following - DAY).day))

    def periods(self, until: date) -> list[tuple[date, date]]:
        """From the epoch on, up to the one that holds `until`."""
        found, k = [], 0
        while not found or found[-1][1] <= until:
            found.append((self.boundary(k), self.boundary(k + 1)))
            k += 1
        return found


def days_between(start: date, end: date) -> list[date]:
    """Every day from `start` to before `end`."""
    found = []
    while start < end:
        found.append(start)
        start += DAY
    return found

"""Billing calendars: an epoch, a frequency and an interval cut time into periods (billing.md 6)."""

import calendar as month_lengths
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from usance.domain.kernel.period import Period

FIRST_YEAR, LAST_YEAR = 1900, 2999  # of any date: beyond them calendars and time zones stop making sense


class Frequency(StrEnum):
    """How often a calendar bills. AD_HOC and MIXED bills follow dates of their own and have no calendar."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    ANNUALLY = "ANNUALLY"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Boundaries at `epoch + k × interval × frequency`, for every whole k.

    Each boundary is computed from the epoch, never from its neighbour, and clamped to the end of its month: an epoch on
    the 31st gives 28 or 29 February and then 31 March again.
    """

    frequency: Frequency
    interval: int
    epoch: date

    def boundary(self, k: int) -> date:
        """The k-th boundary; 0 is the epoch, negatives lie before it."""
        steps = k * self.interval
        match self.frequency:
            case Frequency.DAILY:
                return self.epoch + timedelta(days=steps)
            case Frequency.WEEKLY:
                return self.epoch + timedelta(weeks=steps)
            case Frequency.MONTHLY:
                return _add_months(self.epoch, steps)
            case Frequency.ANNUALLY:
                return _add_months(self.epoch, steps * 12)

    def index_of(self, day: date) -> int:
        """The k of the period `[boundary(k), boundary(k + 1))` that holds `day`."""
        k = self._about(day)
        while self.boundary(k) > day:
            k -= 1
        while self.boundary(k + 1) <= day:
            k += 1
        return k

    def period(self, k: int) -> Period:
        """The k-th period, `[boundary(k), boundary(k + 1))`."""
        return Period(self.boundary(k), self.boundary(k + 1))

    def period_of(self, day: date) -> Period:
        """The period that holds `day`."""
        return self.period(self.index_of(day))

    def is_boundary(self, day: date) -> bool:
        """Whether a period begins on `day`."""
        return self.boundary(self.index_of(day)) == day

    def _about(self, day: date) -> int:
        """An index at most one away from the period of `day`, without counting from the epoch."""
        match self.frequency:
            case Frequency.DAILY:
                return (day - self.epoch).days // self.interval
            case Frequency.WEEKLY:
                return (day - self.epoch).days // (7 * self.interval)
            case Frequency.MONTHLY:
                return _months_between(self.epoch, day) // self.interval
            case Frequency.ANNUALLY:
                return _months_between(self.epoch, day) // (12 * self.interval)


def _months_between(start: date, day: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month


@lru_cache(maxsize=4096)  # runs ask for the same few boundaries, account after account
def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = month_lengths.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))

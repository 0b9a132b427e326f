"""When a commitment is billed and how much each time (billing.md 8.1, 8.2, W12, W14, W22)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import Decimal, localcontext

from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.dated import Fee
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.domain.kernel.timezones import midnight


@dataclass(frozen=True, slots=True)
class BilledFee:
    """What the bill of `day` has of a commitment; `after` as in `Fee`."""

    day: date
    amount: Decimal
    after: date | None


@dataclass(frozen=True, slots=True)
class Late:
    """What the bills after the last fee are for: one of them takes what is `unbilled`, and those of `days` have taken some."""

    days: frozenset[date] = frozenset()
    unbilled: bool = False


@dataclass(frozen=True, slots=True)
class FeePlan:
    """The fees of a commitment from `start` to `end` (excluded) that fall on the bills of `calendar`.

    Every `interval`-th bill carries one, from the `offset`-th on. `first` is the amount of the first fee; without it (0)
    all are alike. `outstanding` is what they come to together. `template` is a fee but for its time and amount.
    `changed` is the day on which the commitment changed last, `billed_to` the latest of the bills that had fees of it when
    these changed.
    """

    calendar: Calendar
    start: date
    end: date
    outstanding: Decimal
    first: Decimal
    interval: int
    offset: int
    in_advance: bool
    grouping: str
    template: Fee
    changed: date = date.min
    billed_to: date = date.min
    late: Late = Late()

    def key(self, day: date) -> BillKey:
        """The bill of the calendar on `day`."""
        return BillKey(BillFrequency(self.calendar.frequency), self.calendar.interval, day, self.grouping)

    def fee_on(self, day: date, currency: Currency, zone: tzinfo) -> Fee | None:
        """The fee on the bill of `day`, or None. The spans of all fees tile the commitment."""
        number = self._number(day)
        if number is None:
            return self._late_fee(day, zone) if self._is_late(day) else None
        count = self._count()
        start, end = day, day
        if self.in_advance:
            start = self.start if number == 0 else day
            end = self.end if number == count - 1 else self.calendar.boundary(self._index(number + 1))
        else:
            start = self.start if number == 0 else self.calendar.boundary(self._index(number - 1))
            end = self.end if number == count - 1 else day
        amount = fee_amount(self.outstanding, self.first, number, count, currency)
        span = Instants(midnight(start, zone), midnight(end, zone))
        after = None if number in {0, count - 1} else self.calendar.boundary(self._index(number - 1))
        return replace(
            self.template, number=number, day=day, amount=amount, span=span, since=self._since(day), after=after
        )

    def behind(self, day: date, billed: Sequence[BilledFee], currency: Currency, zone: tzinfo) -> Decimal:
        """What to charge on `day`, which has a fee, beyond that fee. `billed` is what other bills have of the commitment.

        A commitment may change when some of its fees are billed, and a bill may never be made. The next fee makes up for
        it: with it, what was billed up to `day` is what the fees up to `day` come to now, but for dates before the first
        that was billed, which are left to bills of their own until the last fee. It is never below 0, and bills never
        come to more than the fees up to the latest of them.
        """
        fee = self.fee_on(day, currency, zone)
        if fee is None:
            return ZERO
        starts = [fee.after, *(one.after for one in billed)]
        after = None if None in starts else min(start for start in starts if start is not None)
        latest = max([day, *(one.day for one in billed)])
        with localcontext(EXACT):
            before = sum((one.amount for one in billed if one.day < day), ZERO)
            wanted = self._due(after, day, currency) - before
            left = self._due(after, latest, currency) - sum(one.amount for one in billed)
            charged = max(min(wanted, left), ZERO)
            return ZERO if charged == currency.round(fee.amount) else charged - fee.amount

    def is_short(self, billed: Decimal, currency: Currency) -> bool:
        """Whether bills that have `billed` of the commitment lack any of what it comes to in coins of its `currency`."""
        return self._owed(currency) > billed

    @property
    def last_day(self) -> date:
        """The day of the last fee."""
        return self.calendar.boundary(self._index(self._count() - 1))

    @property
    def may_be_late(self) -> bool:
        """Whether the commitment may have changed after the bill of the last fee was made, which may be locked since.

        A run makes that bill from the beginning of its period on, and one that was told to at any time before.
        """
        return self.changed >= self._since(self.last_day) or self.billed_to >= self.last_day

    def _due(self, after: date | None, until: date, currency: Currency) -> Decimal:
        """What the fees of the days beyond `after` (None: all) up to `until` come to; with the last, what all do."""
        if until >= self.last_day:
            return self._owed(currency)
        numbers = range(self._count_by(after) if after else 0, self._count_by(until))
        each = (fee_amount(self.outstanding, self.first, n, self._count(), currency) for n in numbers)
        return sum((currency.round(amount) for amount in each), ZERO)

    def _owed(self, currency: Currency) -> Decimal:
        """What it comes to; where rounding is forbidden, less than a coin is nothing that a bill could have."""
        exact = currency.rounding_mode is RoundingMode.UNNECESSARY
        return (currency.round_down if exact else currency.round)(self.outstanding)

    def _count_by(self, day: date) -> int:
        """How many fees there are up to `day`, which is included."""
        steps = (self.calendar.index_of(day) - self._index(0)) // self.interval + 1
        return min(max(steps, 0), self._count())

    def _is_late(self, day: date) -> bool:
        if day <= self.last_day or self.calendar.boundary(self.calendar.index_of(day)) != day:
            return False
        return self.late.unbilled or day in self.late.days

    def _late_fee(self, day: date, zone: tzinfo) -> Fee:
        """What is left when the last fee is over; nothing of it is due but for what other bills lack."""
        span = Instants(midnight(self.start, zone), midnight(self.end, zone))
        return replace(
            self.template, number=self._count(), day=day, amount=ZERO, span=span, since=self._since(day), after=None
        )

    def _since(self, day: date) -> date:
        return self.calendar.boundary(self.calendar.index_of(day) - 1)

    def is_on(self, day: date) -> bool:
        """Whether a fee is on the bill of `day`."""
        return self._number(day) is not None or self._is_late(day)

    def is_first(self, day: date) -> bool:
        """Whether the first fee is on the bill of `day`."""
        return self._number(day) == 0

    def _number(self, day: date) -> int | None:
        k = self.calendar.index_of(day)
        if self.calendar.boundary(k) != day:
            return None
        steps, off = divmod(k - self._index(0), self.interval)
        return steps if not off and 0 <= steps < self._count() else None

    def _index(self, number: int) -> int:
        """The boundary of the calendar that carries the `number`-th fee."""
        return self._first_boundary() + min(self.offset, self._boundaries() - 1) + number * self.interval

    def _count(self) -> int:
        """How many fees there are: at least one, for the amount is owed however short the commitment is."""
        carrying = self._boundaries() - min(self.offset, self._boundaries() - 1)
        return -(-carrying // self.interval)

    def _boundaries(self) -> int:
        """How many bills fall into the commitment; those in advance at its start, those in arrears at its end, too."""
        last = self.calendar.index_of(self.end)
        if self.in_advance and self.calendar.boundary(last) == self.end:
            last -= 1
        return max(last - self._first_boundary() + 1, 1)

    def _first_boundary(self) -> int:
        k = self.calendar.index_of(self.start)
        if not self.in_advance or self.calendar.boundary(k) != self.start:
            k += 1
        return max(k, 0)  # no bill falls before the epoch


def fee_amount(outstanding: Decimal, first: Decimal, number: int, count: int, currency: Currency) -> Decimal:
    """The `number`-th of `count` fees, from 0: `first` (0: none) and then equal parts; the last takes what is left over.

    Together they are `outstanding` exactly, and none is below 0.
    """
    if count == 1:
        return outstanding
    if first and number == 0:
        return first
    rest, parts = (EXACT.subtract(outstanding, first), count - 1) if first else (outstanding, count)
    share = EXACT.divide(rest, Decimal(parts))
    each = currency.round(share)
    if EXACT.multiply(each, Decimal(parts - 1)) > rest:  # cents rounded up are more than there is
        each = currency.round_down(share)
    if number < count - 1:
        return each
    return max(EXACT.subtract(rest, EXACT.multiply(each, Decimal(parts - 1))), ZERO)

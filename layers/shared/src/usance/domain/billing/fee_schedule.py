"""When a commitment is billed and how much each time (billing.md 8.1, 8.2, W12, W14, W22)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from decimal import ROUND_DOWN, Decimal, localcontext

from usance.domain.billing.dated import Fee
from usance.domain.billing.inputs import BillFrequency, BillKey
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.money import Currency
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ONE, ZERO
from usance.domain.kernel.timezones import midnight


@dataclass(frozen=True, slots=True)
class FeePlan:
    """The fees of a commitment from `start` to `end` (excluded) that fall on the bills of `calendar`.

    Every `interval`-th bill carries one, from the `offset`-th on. `first` is the amount of the first fee; without it (0)
    all are alike. `outstanding` is what they come to together. `template` is a fee but for its time and amount.
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

    def key(self, day: date) -> BillKey:
        """The bill of the calendar on `day`."""
        return BillKey(BillFrequency(self.calendar.frequency), self.calendar.interval, day, self.grouping)

    def fee_on(self, day: date, currency: Currency, zone: tzinfo) -> Fee | None:
        """The fee on the bill of `day`, or None. The spans of all fees tile the commitment."""
        number = self._number(day)
        if number is None:
            return None
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
        since = self.calendar.boundary(self.calendar.index_of(day) - 1)
        return replace(self.template, number=number, day=day, amount=amount, span=span, since=since)

    def behind(self, day: date, billed: Mapping[date, Decimal], currency: Currency, zone: tzinfo) -> Decimal:
        """What to charge on `day`, which has a fee, beyond that fee. `billed` is what other bills have of the commitment.

        A commitment may change when some of its fees are billed. The next fee makes up for it: with it, what was billed up to
        `day` is what the fees of those bills come to now. It is never below 0, and all bills together never pass
        `outstanding`.
        """
        own = self._due(day, currency, zone)
        with localcontext(EXACT):
            wanted = own + sum(self._due(on, currency, zone) - amount for on, amount in billed.items() if on < day)
            left = self.outstanding - sum(billed.values())
            return max(min(wanted, left), ZERO) - own

    def _due(self, day: date, currency: Currency, zone: tzinfo) -> Decimal:
        fee = self.fee_on(day, currency, zone)
        return currency.round(fee.amount) if fee else ZERO

    def is_on(self, day: date) -> bool:
        """Whether a fee is on the bill of `day`."""
        return self._number(day) is not None

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
        each = share.quantize(ONE.scaleb(-currency.max_decimal_places), rounding=ROUND_DOWN, context=EXACT)
    if number < count - 1:
        return each
    return max(EXACT.subtract(rest, EXACT.multiply(each, Decimal(parts - 1))), ZERO)

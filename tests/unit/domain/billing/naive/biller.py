"""A deliberately naive bill, day by day, from the formulas of billing.md 2, 3 and 11."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from tests.unit.domain.billing.naive.arithmetic import DAY, ZERO, price, to_whole
from tests.unit.domain.billing.naive.counters import Found, changes, totals
from tests.unit.domain.billing.naive.credits import settled
from tests.unit.domain.billing.naive.lines import Account, Coin, Deal, Floor, Line, Price, Window
from tests.unit.domain.billing.naive.stretches import stretches


@dataclass(frozen=True)
class _Open:
    """A plan on the day of the bill: the window that ends and the one that begins, by their numbers; None without."""

    deal: Deal
    closing: int | None
    opening: int | None
    windows: Sequence[Window]

    @property
    def closed(self) -> Window | None:
        return None if self.closing is None else self.windows[self.closing]

    @property
    def opened(self) -> Window | None:
        return None if self.opening is None else self.windows[self.opening]


def bill_of(account: Account, day: date) -> tuple[list[Line], dict[tuple[str, str], Fraction]]:
    """The lines of the bill on `day`, in no order, and what it takes off each credit by phase."""
    return settled(account, charges_of(account, day))


def charges_of(account: Account, day: date) -> list[Line]:
    """The lines before any credit pays, in the order in which credits pay for them."""
    opened = [_opened(deal, day) for deal in account.deals]
    lines: list[Line] = []
    for step in (_usage, _counters, _standing):
        lines += [found for one in opened for found in step(account, one)]
    lines += [_line(account, None, "AD_HOC", "", one.amount, one.start, one.end, one.coin) for one in account.extras]
    for one in opened:
        lines += _price_floors(account, one, lines)
    for one in opened:
        lines += _plan_floor(account, one, lines)
    for kind in ("PRODUCT_CREDIT", "GLOBAL_CREDIT"):
        _credits(account, opened, kind, lines)
    return lines


def _line(
    account: Account,
    deal: Deal | None,
    kind: str,
    price_id: str,
    amount: Fraction,
    start: date,
    end: date,
    coin: Coin | None = None,
) -> Line:
    money = coin or (deal.coin if deal else account.coin)
    rounded = money.round(amount)
    converted = account.coin.round(rounded * account.rates[money.code])
    ids = (deal.id, deal.product, deal.contract) if deal else ("", "", "")
    return Line(*ids, kind, price_id, money, rounded, converted, start, end)


def _usage(account: Account, one: _Open) -> Iterator[Line]:
    for chosen, days, worth, units in _charges(one, "DEBIT"):
        line = _line(account, one.deal, "USAGE", chosen.id, worth, days[0], days[-1] + DAY)
        yield replace(line, units=units, bands=chosen.bands, overage=chosen.overage)


def _credits(account: Account, opened: Sequence[_Open], kind: str, lines: list[Line]) -> None:
    """Each credit takes off what those before it left."""
    for one in opened:
        for chosen, days, earned, _ in _charges(one, kind):
            others = [line for line in lines if kind == "GLOBAL_CREDIT" or line.product == one.deal.product]
            taken = -_capped(account, one.deal, others, earned)
            lines.append(_line(account, one.deal, "USAGE_CREDIT", chosen.id, taken, days[0], days[-1] + DAY))


def _opened(deal: Deal, day: date) -> _Open:
    windows = deal.windows(day)
    served = [n for n, window in enumerate(windows) if window.days]
    closing = [n for n in served if windows[n].end == day]
    opening = [n for n in served if day in (windows[n].start, deal.start) and day in windows[n].days]
    return _Open(deal, *(found[0] if found else None for found in (closing, opening)), windows)


def _charges(one: _Open, kind: str) -> Iterator[tuple[Price, list[date], Fraction, Fraction]]:
    """Pricing, days, worth and units of each stretch of the closing window that one pricing covers, before rounding."""
    if one.closed is None:
        return
    prices = [priced for priced in one.deal.prices if priced.kind == kind]
    for chosen, days in stretches(prices, one.closed.days):
        units = chosen.counted.units(days)
        if units is not None:
            worth = _worth(one, chosen, days, units)
            below = any(fixed < 0 or each < 0 for _, fixed, each in chosen.bands)
            yield chosen, days, (-worth if below and kind != "DEBIT" else worth), units


def _worth(one: _Open, chosen: Price, stretch: Sequence[date], units: Fraction) -> Fraction:
    if not chosen.spans:
        return price(chosen.bands, units, cumulative=chosen.cumulative)
    earlier = [[day for day in window.days if day < stretch[0]] for window in one.windows]
    known = [before for days in earlier if days and (before := chosen.counted.units(days)) is not None]
    if not known:
        return price(chosen.bands, units, cumulative=chosen.cumulative)
    whole = price(chosen.bands, sum(known, ZERO) + units, cumulative=chosen.cumulative)
    return whole - price(chosen.bands, sum(known, ZERO), cumulative=chosen.cumulative)


def _counters(account: Account, one: _Open) -> Iterator[Line]:
    found: list[Found] = []
    if one.closed:
        found += totals(one.deal, account.values, one.closed, early=False)
        found += changes(one.deal, account.values, one.closed)
    if one.opened:
        found += totals(one.deal, account.values, one.opened, early=True)
    for charged in found:
        yield _line(account, one.deal, *charged)


def _standing(account: Account, one: _Open) -> Iterator[Line]:
    deal = one.deal
    n = one.opening if deal.standing_early else one.closing
    if n is None or not deal.standing or n < deal.offset or (n - deal.offset) % deal.every:
        return
    first = n - deal.offset % deal.every
    group = one.windows[first : first + deal.every]
    days = [day for window in group for day in window.days]
    share = Fraction(len(days), sum(window.length for window in group))
    yield _line(account, deal, "STANDING_CHARGE", "", deal.standing * share, days[0], days[-1] + DAY)


def _floor_of(deal: Deal, chosen: Price, window: Window) -> tuple[Fraction, date, date] | None:
    """A pricing's minimum in a window, rounded, and for which time; None when it applies on no day of it."""
    debits = [priced for priced in deal.prices if priced.kind == "DEBIT"]
    days = [day for priced, found in stretches(debits, window.days) if priced is chosen for day in found]
    if not days:
        return None
    return deal.coin.round(chosen.floor.amount * window.share(len(days))), days[0], days[-1] + DAY


def _price_floors(account: Account, one: _Open, lines: Sequence[Line]) -> Iterator[Line]:
    for chosen in one.deal.prices:
        if chosen.kind != "DEBIT" or not chosen.floor.amount:
            continue
        if one.opened and chosen.floor.early and (due := _floor_of(one.deal, chosen, one.opened)) and due[0]:
            yield _line(account, one.deal, "MINIMUM_SPEND", chosen.id, *due)
        if one.closed and (due := _floor_of(one.deal, chosen, one.closed)):
            used = [line.amount for line in lines if (line.kind, line.price) == ("USAGE", chosen.id)]
            yield from _close(account, one.deal, chosen.floor, chosen.id, due, sum(used, ZERO))


def _plan_floor(account: Account, one: _Open, lines: Sequence[Line]) -> Iterator[Line]:
    floor, deal = one.deal.floor, one.deal
    if not floor.amount:
        return
    if one.opened and floor.early:
        days = one.opened.days
        if due := deal.coin.round(floor.amount * one.opened.share(len(days))):
            yield _line(account, deal, "MINIMUM_SPEND", "", due, days[0], days[-1] + DAY)
    if one.closed:
        days = one.closed.days
        due = deal.coin.round(floor.amount * one.closed.share(len(days)))
        counts = _counting(account, one, one.closed, lines)
        yield from _close(account, deal, floor, "", (due, days[0], days[-1] + DAY), counts)


def _counting(account: Account, one: _Open, window: Window, lines: Sequence[Line]) -> Fraction:
    """What counts towards a plan's minimum in a window: usage lifted to its own minimums, and counters."""
    counts = ZERO
    for chosen in one.deal.prices:
        if chosen.kind == "DEBIT":
            used = sum((line.amount for line in lines if (line.kind, line.price) == ("USAGE", chosen.id)), ZERO)
            lifted = _floor_of(one.deal, chosen, window) if chosen.floor.amount else None
            counts += max(used, lifted[0] if lifted else ZERO) if chosen.floor.amount else used
    both = [totals(one.deal, account.values, window, early=early) for early in (False, True)]
    for found in (*both, changes(one.deal, account.values, window)):
        counts += sum((one.deal.coin.round(amount) for _, _, amount, _, _ in found), ZERO)
    return counts


def _close(
    account: Account, deal: Deal, floor: Floor, price_id: str, due: tuple[Fraction, date, date], counts: Fraction
) -> Iterator[Line]:
    """billing.md 3.2: the period costs the greater of the two."""
    minimum, start, end = due
    if not floor.early and minimum > counts:
        yield _line(account, deal, "MINIMUM_SPEND", price_id, minimum - counts, start, end)
    if floor.early and counts < 0:
        yield _line(account, deal, "MINIMUM_SPEND", price_id, -counts, start, end)
    if floor.early and min(minimum, counts) > 0:
        yield _line(account, deal, "MINIMUM_SPEND_REFUND", price_id, -min(minimum, counts), start, end)


def _capped(account: Account, deal: Deal, others: Sequence[Line], earned: Fraction) -> Fraction:
    total = sum((line.amount * account.rates[line.coin.code] for line in others), ZERO)
    left = max(deal.coin.round(total / account.rates[deal.coin.code]), ZERO)
    taken = min(-deal.coin.round(-earned), left)
    rate, billed = account.rates[deal.coin.code], sum((line.converted for line in others), ZERO)
    if -account.coin.round(-taken * rate) > billed:
        step = 10**deal.coin.places
        taken = Fraction(to_whole(billed / rate * step, "DOWN"), step)
    return max(taken, ZERO)

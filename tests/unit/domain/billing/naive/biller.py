"""A deliberately naive bill, day by day, from the formulas of billing.md 2 and 3."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.unit.domain.billing.naive.arithmetic import ZERO, Bands, Coin, Rhythm, days_between, price, units_of


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
    """A pricing from `start` to before `end` (None: for ever)."""

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
class Line:
    deal: str
    product: str
    kind: str
    price: str
    amount: Fraction
    converted: Fraction


@dataclass(frozen=True)
class Account:
    deals: Sequence[Deal]
    coin: Coin
    rates: dict[str, Fraction]


@dataclass(frozen=True)
class _Open:
    """A plan on the day of the bill: the window that ends and the one that begins, by their numbers; None without."""

    deal: Deal
    closing: int | None
    opening: int | None
    windows: Sequence[Window]


Add = Callable[[Deal, str, str, Fraction], None]


def lines_of(account: Account, day: date) -> list[Line]:
    """The lines of the bill on `day`, in no order."""
    opened = [_opened(deal, day) for deal in account.deals]
    lines: list[Line] = []

    def add(deal: Deal, kind: str, price_id: str, amount: Fraction) -> None:
        rounded = deal.coin.round(amount)
        rate = account.rates[deal.coin.code]
        lines.append(Line(deal.id, deal.product, kind, price_id, rounded, account.coin.round(rounded * rate)))

    for one in opened:
        for found in _charges(one, "DEBIT"):
            add(one.deal, "USAGE", *found)
    for one in opened:
        _standing(one, add)
        _price_floors(one, lines, add)
        _plan_floor(one, lines, add)
    for kind in ("PRODUCT_CREDIT", "GLOBAL_CREDIT"):
        _credits(account, opened, kind, lines, add)
    return lines


def _credits(account: Account, opened: Sequence[_Open], kind: str, lines: Sequence[Line], add: Add) -> None:
    """Each credit takes off what those before it left."""
    for one in opened:
        for price_id, earned in _charges(one, kind):
            others = [line for line in lines if kind == "GLOBAL_CREDIT" or line.product == one.deal.product]
            add(one.deal, "USAGE_CREDIT", price_id, -_capped(account, one.deal, others, earned))


def _opened(deal: Deal, day: date) -> _Open:
    windows = deal.windows(day)
    served = [n for n, window in enumerate(windows) if window.days]
    closing = [n for n in served if windows[n].end == day]
    opening = [n for n in served if day in (windows[n].start, deal.start) and day in windows[n].days]
    return _Open(deal, *(found[0] if found else None for found in (closing, opening)), windows)


def _charges(one: _Open, kind: str) -> Iterator[tuple[str, Fraction]]:
    """Pricing and worth of each stretch of the closing window that one pricing covers, before rounding."""
    if one.closing is None:
        return
    days = one.windows[one.closing].days
    prices = [priced for priced in one.deal.prices if priced.kind == kind]
    for name in dict.fromkeys(priced.counted.name for priced in prices):
        rivals = [priced for priced in prices if priced.counted.name == name]
        for chosen, stretch in _stretches(rivals, days):
            worth = _worth(one, chosen, stretch)
            if worth is not None:
                below = any(fixed < 0 or each < 0 for _, fixed, each in chosen.bands)
                yield chosen.id, (-worth if below and kind != "DEBIT" else worth)


def _stretches(rivals: Sequence[Price], days: Sequence[date]) -> list[tuple[Price, list[date]]]:
    found: list[tuple[Price, list[date]]] = []
    before: Price | None = None
    for day in days:
        holding = [priced for priced in rivals if priced.holds(day)]
        chosen = max(holding, key=lambda priced: (not priced.of_template, priced.start, priced.id), default=None)
        if chosen is not None and chosen is before:
            found[-1][1].append(day)
        elif chosen is not None:
            found.append((chosen, [day]))
        before = chosen
    return found


def _worth(one: _Open, chosen: Price, stretch: Sequence[date]) -> Fraction | None:
    units = chosen.counted.units(stretch)
    if units is None:
        return None
    if not chosen.spans:
        return price(chosen.bands, units, cumulative=chosen.cumulative)
    earlier = [[day for day in window.days if day < stretch[0]] for window in one.windows]
    known = [before for days in earlier if days and (before := chosen.counted.units(days)) is not None]
    if not known:
        return price(chosen.bands, units, cumulative=chosen.cumulative)
    whole = price(chosen.bands, sum(known, ZERO) + units, cumulative=chosen.cumulative)
    return whole - price(chosen.bands, sum(known, ZERO), cumulative=chosen.cumulative)


def _standing(one: _Open, add: Add) -> None:
    deal = one.deal
    n = one.opening if deal.standing_early else one.closing
    if n is None or not deal.standing or n < deal.offset or (n - deal.offset) % deal.every:
        return
    first = n - deal.offset % deal.every
    group = one.windows[first : first + deal.every]
    share = Fraction(sum(len(window.days) for window in group), sum(window.length for window in group))
    add(deal, "STANDING_CHARGE", "", deal.standing * share)


def _floor_of(one: _Open, chosen: Price, n: int) -> Fraction | None:
    """A pricing's minimum in window `n`, rounded; None when it applies on no day of it."""
    window = one.windows[n]
    debits = [priced for priced in one.deal.prices if priced.kind == "DEBIT"]
    rivals = [priced for priced in debits if priced.counted.name == chosen.counted.name]
    days = sum(len(stretch) for priced, stretch in _stretches(rivals, window.days) if priced is chosen)
    return one.deal.coin.round(chosen.floor.amount * window.share(days)) if days else None


def _price_floors(one: _Open, lines: Sequence[Line], add: Add) -> None:
    for chosen in one.deal.prices:
        if chosen.kind != "DEBIT" or not chosen.floor.amount:
            continue
        if one.opening is not None and chosen.floor.early and (due := _floor_of(one, chosen, one.opening)):
            add(one.deal, "MINIMUM_SPEND", chosen.id, due)
        if one.closing is not None and (due := _floor_of(one, chosen, one.closing)) is not None:
            used = [line.amount for line in lines if (line.kind, line.price) == ("USAGE", chosen.id)]
            _close(one.deal, chosen.floor, chosen.id, due, sum(used, ZERO), add)


def _plan_floor(one: _Open, lines: Sequence[Line], add: Add) -> None:
    floor = one.deal.floor
    if not floor.amount:
        return
    if one.opening is not None and floor.early:
        window = one.windows[one.opening]
        if due := one.deal.coin.round(floor.amount * window.share(len(window.days))):
            add(one.deal, "MINIMUM_SPEND", "", due)
    if one.closing is not None:
        window = one.windows[one.closing]
        due = one.deal.coin.round(floor.amount * window.share(len(window.days)))
        counts = ZERO
        for chosen in one.deal.prices:
            if chosen.kind == "DEBIT":
                used = sum((line.amount for line in lines if (line.kind, line.price) == ("USAGE", chosen.id)), ZERO)
                lifted = (_floor_of(one, chosen, one.closing) or ZERO) if chosen.floor.amount else ZERO
                counts += max(used, lifted) if chosen.floor.amount else used
        _close(one.deal, floor, "", due, counts, add)


def _close(deal: Deal, floor: Floor, price_id: str, due: Fraction, counts: Fraction, add: Add) -> None:
    """billing.md 3.2: the period costs the greater of the two."""
    if not floor.early and due > counts:
        add(deal, "MINIMUM_SPEND", price_id, due - counts)
    if floor.early and counts < 0:
        add(deal, "MINIMUM_SPEND", price_id, -counts)
    if floor.early and min(due, counts) > 0:
        add(deal, "MINIMUM_SPEND_REFUND", price_id, -min(due, counts))


def _capped(account: Account, deal: Deal, others: Sequence[Line], earned: Fraction) -> Fraction:
    rates = {one.id: account.rates[one.coin.code] for one in account.deals}
    total = sum((line.amount * rates[line.deal] for line in others), ZERO)
    left = max(deal.coin.round(total / account.rates[deal.coin.code]), ZERO)
    return max(min(-deal.coin.round(-earned), left), ZERO)

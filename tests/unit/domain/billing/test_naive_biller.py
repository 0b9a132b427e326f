"""The engine against a biller of its own kind: fractions, days counted one by one, the formulas of billing.md 2.4, 3, 6.

Nothing here calls the engine's arithmetic, calendar or windows; a mistake would have to be made twice to pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import aggregation, bill, inputs, instant, plan, pricing
from usance.domain.billing.due import due_bills
from usance.domain.billing.inputs import AttachedPlan, Minimum, Standing
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.quantity import Rounding

DAY = timedelta(days=1)
Lines = list[tuple[str, Fraction]]


@dataclass(frozen=True)
class Deal:
    """Everything a bill follows from, in plain numbers. Amounts are in cents where the engine has units of money."""

    weekly: bool
    interval: int
    epoch: date
    start: date
    days: int | None
    bands: list[tuple[int, int, Fraction]]
    cumulative: bool
    spans: bool
    per_unit: int
    rounding: str
    standing: int
    standing_early: bool
    standing_every: int
    standing_from: int
    floor: int
    floor_early: bool
    price_floor: int
    price_floor_early: bool
    usage: list[int]

    @property
    def end(self) -> date | None:
        return None if self.days is None else self.start + timedelta(days=self.days)


def used(deal: Deal, start: date, end: date) -> int:
    """A repeating pattern of daily usage, summed day by day."""
    total, day = 0, start
    while day < end:
        total += deal.usage[day.toordinal() % len(deal.usage)]
        day += DAY
    return total


def boundary(deal: Deal, k: int) -> date:
    if deal.weekly:
        return deal.epoch + timedelta(days=7 * deal.interval * k)
    year, month = deal.epoch.year, deal.epoch.month
    for _ in range(abs(k) * deal.interval):
        month += 1 if k > 0 else -1
        if month in (0, 13):
            year, month = (year + 1, 1) if month == 13 else (year - 1, 12)
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(deal.epoch.day, (first_of_next - DAY).day))


def periods(deal: Deal) -> Iterator[tuple[date, date, date, int]]:
    """Service start and end, bill day and standard length, window by window, for about a year."""
    k = -1
    while (following := boundary(deal, k + 1)) < date(2025, 2, 1):
        begins = deal.start if k == -1 else max(deal.start, boundary(deal, k))
        ends = min(following, deal.end or following)
        if begins < ends:
            yield begins, ends, following, (following - boundary(deal, k)).days
        k += 1


def units(deal: Deal, quantity: int) -> Fraction:
    whole, rest = divmod(quantity, deal.per_unit)
    match deal.rounding:
        case "UP":
            return Fraction(whole + (rest > 0))
        case "DOWN":
            return Fraction(whole)
        case "NEAREST":
            return Fraction(whole + (2 * rest >= deal.per_unit))
        case _:
            return Fraction(quantity, deal.per_unit)


def rated(deal: Deal, amount: Fraction) -> Fraction:
    """billing.md 2.4, in cents."""
    limits = [limit for limit, _, _ in deal.bands]
    if not deal.cumulative:
        reached = [band for band in deal.bands if amount > band[0]] or deal.bands[:1]
        return reached[-1][1] + amount * reached[-1][2]
    total = Fraction(0)
    for n, (limit, fixed, price) in enumerate(deal.bands):
        if n == 0 or amount > limit:
            top = limits[n + 1] if n + 1 < len(limits) else amount
            total += fixed + (min(amount, top) - limit) * price
    return total


def cents(amount: Fraction) -> Fraction:
    """Half up, away from zero."""
    size = (abs(amount) * 2 + 1) // 2
    return Fraction(size if amount >= 0 else -size)


def expected(deal: Deal) -> dict[date, Lines]:
    """The lines of every bill."""
    bills: dict[date, Lines] = {}
    windows = list(periods(deal))
    before: Fraction | None = None
    for n, (begins, ends, bill_day, length) in enumerate(windows):
        opening = deal.start if n == 0 else boundary_before(deal, bill_day)
        counted = units(deal, used(deal, begins, ends))
        price = rated(deal, counted)
        if deal.spans and before is not None:
            price = rated(deal, before + counted) - rated(deal, before)
        before = (before or 0) + counted
        usage = cents(price)
        bills.setdefault(bill_day, []).append(("USAGE", usage))
        share = Fraction((ends - begins).days, length)
        lifted = max(usage, cents(deal.price_floor * share)) if deal.price_floor else usage
        for early, minimum, counts in (
            (deal.price_floor_early, deal.price_floor, usage),
            (deal.floor_early, deal.floor, lifted),
        ):
            for closing, line in floor_lines(early, cents(minimum * share), counts) if minimum else ():
                bills.setdefault(bill_day if closing else opening, []).append(line)
        if deal.standing and n >= deal.standing_from and (n - deal.standing_from) % deal.standing_every == 0:
            amount = cents(deal.standing * group_share(deal, windows, n - deal.standing_from % deal.standing_every))
            bills.setdefault(opening if deal.standing_early else bill_day, []).append(("STANDING_CHARGE", amount))
    return {day: sorted(lines) for day, lines in bills.items()}


def floor_lines(early: bool, amount: Fraction, counts: Fraction) -> list[tuple[bool, tuple[str, Fraction]]]:
    """The lines of a minimum, and whether they close the period or open it."""
    if not early:
        return [(True, ("MINIMUM_SPEND", amount - counts))] if amount > counts else []
    lines = [(False, ("MINIMUM_SPEND", amount))] if amount else []
    if counts < 0:
        return [*lines, (True, ("MINIMUM_SPEND", -counts))]
    refund = min(amount, counts)
    return [*lines, (True, ("MINIMUM_SPEND_REFUND", -refund))] if refund else lines


def boundary_before(deal: Deal, day: date) -> date:
    k = 0
    while boundary(deal, k + 1) < day:
        k += 1
    return boundary(deal, k)


def group_share(deal: Deal, windows: list[tuple[date, date, date, int]], first: int) -> Fraction:
    """Days served of the days in the group of periods that one standing charge pays for."""
    served = standard = 0
    day = windows[first][2]
    k = 0
    while boundary(deal, k) < day:
        k += 1
    for step in range(deal.standing_every):
        end = boundary(deal, k + step)
        standard += (end - boundary(deal, k + step - 1)).days
        begin = deal.start if k + step == 0 else max(deal.start, boundary(deal, k + step - 1))
        served += max((min(end, deal.end or end) - begin).days, 0)
    return Fraction(served, standard)


def attached(deal: Deal) -> AttachedPlan:
    """The deal as the engine takes it."""
    rows = [
        (limit, Decimal(fixed) / 100, Decimal(price.numerator) / price.denominator / 100)
        for limit, fixed, price in deal.bands
    ]
    counted = aggregation(quantity_per_unit=Decimal(deal.per_unit), rounding=Rounding(deal.rounding))
    priced = pricing(
        aggregation=counted,
        rows=rows,
        cumulative=deal.cumulative,
        tiers_span_plan=deal.spans,
        minimum=Minimum(Decimal(deal.price_floor) / 100, deal.price_floor_early),
    )
    return plan(
        priced,
        calendar=Calendar(Frequency.WEEKLY if deal.weekly else Frequency.MONTHLY, deal.interval, deal.epoch),
        start=instant(deal.start.isoformat()),
        end=instant(deal.end.isoformat()) if deal.end else None,
        standing=Standing(Decimal(deal.standing) / 100, deal.standing_early, deal.standing_every, deal.standing_from),
        minimum=Minimum(Decimal(deal.floor) / 100, deal.floor_early),
    )


prices = st.integers(0, 400).map(lambda tenths: Fraction(tenths, 10))
limits = st.lists(st.integers(1, 300), max_size=3, unique=True).map(lambda found: [0, *sorted(found)])
bands = limits.flatmap(
    lambda found: st.tuples(*(st.tuples(st.just(limit), st.integers(0, 500), prices) for limit in found)).map(list)
)
deals = st.builds(
    Deal,
    weekly=st.booleans(),
    interval=st.integers(1, 3),
    epoch=st.dates(date(2023, 10, 1), date(2024, 6, 30)) | st.sampled_from([date(2024, 1, 31), date(2024, 2, 29)]),
    start=st.dates(date(2023, 11, 1), date(2024, 7, 31)),
    days=st.none() | st.integers(1, 400),
    bands=bands,
    cumulative=st.booleans(),
    spans=st.booleans(),
    per_unit=st.sampled_from([1, 4, 10]),
    rounding=st.sampled_from(["UP", "DOWN", "NEAREST", "NONE"]),
    standing=st.sampled_from([0, 2000, 9999]),
    standing_early=st.booleans(),
    standing_every=st.integers(1, 3),
    standing_from=st.integers(0, 4),
    floor=st.sampled_from([0, 5000, 100_000]),
    floor_early=st.booleans(),
    price_floor=st.sampled_from([0, 3000, 50_000]),
    price_floor_early=st.booleans(),
    usage=st.lists(st.integers(0, 40), min_size=1, max_size=9),
)


@settings(
    max_examples=300, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking takes minutes
@given(deals)
def test_the_engine_agrees_with_a_naive_biller(deal: Deal) -> None:
    def usage(query: UsageQuery) -> int:
        return used(deal, query.span.start.date(), query.span.end.date())

    agreed = attached(deal)
    found: dict[date, Lines] = {}
    for begins, _, bill_day, _ in periods(deal):
        for run in (begins, bill_day - DAY):
            for due in due_bills([agreed], run, UTC):
                if due.key.day not in found:
                    draft = bill(inputs(due.key.day.isoformat(), agreed), usage)
                    found[due.key.day] = sorted(
                        (str(line.item.type), Fraction(line.item.subtotal) * 100) for line in draft.lines
                    )
    naive = expected(deal)
    last = max((bill_day for _, _, bill_day, _ in periods(deal)), default=date.min)
    for bills in (naive, found):
        bills.pop(last, None)  # it also charges in advance for a period that the naive biller does not look at
    assert {day: lines for day, lines in found.items() if lines} == naive

"""What credits pay of a bill, in fractions and days, from billing.md 8.2, 9.3 and 11 and docs/billing.md 16 to 18."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from tests.unit.domain.billing.naive.arithmetic import DAY, ZERO, Bands, Coin, days_between, price, to_whole
from tests.unit.domain.billing.naive.lines import Account, Line, Pool

MAIN, ROLLOVER = "MAIN", "ROLLOVER"
PAID_BY = {"PREPAYMENT": "COMMITMENT_CONSUMED", "BALANCE": "BALANCE_CONSUMED"}
HUNDRED = 100


@dataclass
class Stretch:
    """Days of a charge that no credit begins or ends within, and what is open of it."""

    start: date
    end: date
    open: Fraction


@dataclass
class Purse:
    """A credit and what was taken off it, by phase; `worth` is that before it was rounded to the credit's currency."""

    pool: Pool
    taken: dict[str, Fraction] = field(default_factory=dict)
    worth: dict[str, Fraction] = field(default_factory=dict)

    def left(self, phase: str) -> Fraction | None:
        if self.pool.overdraft and phase == MAIN:
            return None
        left = self.pool.left - sum(self.taken.values())
        if phase == ROLLOVER and self.pool.rolls is not None:
            left = min(left, self.pool.rolls - self.taken.get(ROLLOVER, ZERO))
        return max(left, ZERO)


def settled(account: Account, lines: Sequence[Line]) -> tuple[list[Line], dict[tuple[str, str], Fraction]]:
    """The lines with what is paid and what is beyond, and what each credit gives by phase. `lines` are in bill order."""
    purses = [Purse(pool) for pool in _in_order(account)]
    if not purses:
        return list(lines), {}
    owed = _owed(account, lines)
    stretches = [_cut(line, amount, purses) for line, amount in zip(lines, owed, strict=True)]
    paid: list[Line] = []
    already = [ZERO for _ in lines]
    for purse in purses:
        for at, line in enumerate(lines):
            if _is_for(purse.pool, line):
                part = _draw(account, purse, line, stretches[at])
                if part:
                    paid.append(_payment(account, purse.pool, line, part, already[at]))
                    already[at] += part[0]
    kept: list[Line] = []
    for line, open_ in zip(lines, stretches, strict=True):
        kept += _with_overage(account, line, open_, [one.pool for one in purses if _is_for(one.pool, line)])
    taken = {(one.pool.id, phase): amount for one in purses for phase, amount in one.taken.items()}
    return [*kept, *_up_to(_total(kept), paid)], taken


def _total(kept: Sequence[Line]) -> Fraction:
    return sum((line.converted for line in kept if not line.kind.startswith("OVERAGE")), ZERO)


def _up_to(owed: Fraction, paid: Sequence[Line]) -> Iterator[Line]:
    """Converted payments come to no more than what is owed, whatever was rounded."""
    for line in paid:
        converted = -min(-line.converted, max(owed, ZERO))
        owed += converted
        yield replace(line, converted=converted)


def _in_order(account: Account) -> list[Pool]:
    known = [pool for pool in account.pools if pool.kind in account.order]
    return sorted(known, key=lambda one: (account.order.index(one.kind), one.over, one.start, one.id))


def _is_for(pool: Pool, line: Line) -> bool:
    if line.kind not in pool.kinds or pool.contract not in ("", line.contract):
        return False
    return not pool.products or line.product in pool.products


def _phase(pool: Pool, day: date) -> str | None:
    if pool.start <= day < pool.end:
        return MAIN
    return ROLLOVER if pool.end <= day < pool.over else None


def _owed(account: Account, lines: Sequence[Line]) -> list[Fraction]:
    """What is left of each charge when all that takes off the bill is off: the closest kin first, then in order."""
    left = [max(line.amount, ZERO) for line in lines]
    for taker in (line for line in lines if line.amount < 0):
        rest = -taker.amount
        for is_kin in (
            lambda one, by=taker: by.price and (one.price, one.deal) == (by.price, by.deal),
            lambda one, by=taker: by.deal and one.deal == by.deal,
            lambda one, by=taker: by.product and one.product == by.product,
            lambda _: True,
        ):
            for at, line in enumerate(lines):
                if rest > 0 and left[at] > 0 and is_kin(line):
                    rest = _take_off(account, left, at, line.coin, taker.coin, rest)
    return left


def _take_off(account: Account, left: list[Fraction], at: int, coin: Coin, taker: Coin, rest: Fraction) -> Fraction:
    rate = account.rates[taker.code] / account.rates[coin.code]
    worth = rest if coin == taker else coin.round(rest * rate)
    if worth >= left[at]:
        rest = max(taker.round(rest - left[at] / rate), ZERO)
        left[at] = ZERO
        return rest
    left[at] -= worth
    return ZERO


def _cut(line: Line, amount: Fraction, purses: Sequence[Purse]) -> list[Stretch]:
    """The charge cut where a credit begins or ends, in proportion to days; roundings do not add up."""
    edges = {edge for purse in purses for edge in (purse.pool.start, purse.pool.end, purse.pool.over)}
    days = days_between(line.start, line.end)
    if not amount:
        return []
    starts = [day for n, day in enumerate(days) if n == 0 or day in edges] or [line.start]
    found, given = [], ZERO
    for n, start in enumerate(starts):
        end = starts[n + 1] if n + 1 < len(starts) else line.end
        share = Fraction((end - line.start) // DAY, len(days)) if days else Fraction(1)
        upto = Coin("", line.coin.places, "HALF_UP").round(amount * share)
        found.append(Stretch(start, end, upto - given))
        given = upto
    return [one for one in found if one.open]


def _draw(
    account: Account, purse: Purse, line: Line, stretches: Sequence[Stretch]
) -> tuple[Fraction, date, date] | None:
    """What the credit pays of a charge, from when to when."""
    found: list[tuple[Fraction, date, date]] = []
    rate = account.exchange(line.coin.code, purse.pool.coin.code)
    for one in stretches:
        phase = _phase(purse.pool, one.start)
        if phase is None or not one.open or purse.left(phase) == 0:
            continue
        left = purse.left(phase)
        taken, worth = purse.taken.get(phase, ZERO), purse.worth.get(phase, ZERO)
        paid, cost = one.open, purse.pool.coin.round(worth + one.open * rate) - taken
        after = worth + one.open * rate
        if left is not None and cost > left:
            affordable = (taken + left - worth) / rate
            step = 10**line.coin.places
            paid, cost, after = min(one.open, Fraction(to_whole(affordable * step, "DOWN"), step)), left, taken + left
        if paid <= 0 or (not cost and not taken):
            continue
        one.open -= paid
        purse.taken[phase], purse.worth[phase] = taken + cost, after
        found.append((paid, one.start, one.end))
    if not found:
        return None
    return sum((one[0] for one in found), ZERO), min(one[1] for one in found), max(one[2] for one in found)


def _payment(account: Account, pool: Pool, line: Line, part: tuple[Fraction, date, date], already: Fraction) -> Line:
    """What several credits pay of one charge converts as if one had paid it all."""
    paid, start, end = part
    rate = account.rates[line.coin.code]
    converted = account.coin.round(already * rate) - account.coin.round((already + paid) * rate)
    return replace(
        line, kind=PAID_BY[pool.kind], price="", amount=-paid, converted=converted, start=start, end=end, credit=pool.id
    )


def _with_overage(account: Account, line: Line, stretches: Sequence[Stretch], pools: Sequence[Pool]) -> Iterator[Line]:
    """The charge, and what is beyond credits of it: surcharged, priced by overage bands, or apart."""
    surcharged: dict[str, list[Stretch]] = {}
    apart: list[tuple[Stretch, Pool]] = []
    for one in stretches if line.kind == "USAGE" else ():
        used_up = [pool for pool in pools if _phase(pool, one.start)] if one.open else []
        if surcharging := [pool for pool in used_up if pool.surcharge]:
            surcharged.setdefault(surcharging[-1].id, []).append(one)
        elif separating := [pool for pool in used_up if pool.apart or line.overage]:
            apart.append((one, separating[-1]))
    for id_, beyond in surcharged.items():
        percent = next(pool.surcharge for pool in pools if pool.id == id_)
        amount = line.coin.round(sum((one.open for one in beyond), ZERO) * percent / HUNDRED)
        yield _beyond(account, line, "OVERAGE_SURCHARGE", amount, beyond, id_)
    yield from _parted(account, line, apart) if apart else [line]


def _parted(account: Account, line: Line, apart: Sequence[tuple[Stretch, Pool]]) -> Iterator[Line]:
    """The usage within credits, if any, and the usage beyond."""
    beyond = [one for one, _ in apart]
    amount = sum((one.open for one in beyond), ZERO)
    kept = line.amount - amount
    units = line.units
    if line.overage:
        units -= _units_for(line.bands, line.units, kept)
        amount = line.coin.round(price(line.overage, units, cumulative=True))
    if amount or units:
        yield _beyond(account, line, "OVERAGE_USAGE", amount, beyond, apart[-1][1].id)
    if kept:
        yield replace(line, amount=kept, converted=account.coin.round(kept * account.rates[line.coin.code]))


def _beyond(account: Account, line: Line, kind: str, amount: Fraction, of: Sequence[Stretch], id_: str) -> Line:
    converted = account.coin.round(amount * account.rates[line.coin.code])
    return replace(
        line,
        kind=kind,
        price="" if kind == "OVERAGE_SURCHARGE" else line.price,
        amount=amount,
        converted=converted,
        start=min(one.start for one in of),
        end=max(one.end for one in of),
        credit=id_,
    )


def _units_for(bands: Bands, units: Fraction, money: Fraction) -> Fraction:
    """How many of `units`, priced tier by tier, `money` pays for: a band's fixed price comes before its units."""
    if not money:
        return ZERO
    bought = ZERO
    for n, (limit, fixed, each) in enumerate(bands):
        if n and units <= limit:
            break
        top = min(units, bands[n + 1][0]) if n + 1 < len(bands) else units
        cost = fixed + (top - limit) * each
        if cost <= money:
            money -= cost
            bought += top - limit
            continue
        if (top - limit) * each > 0:  # units that cost nothing are bought in proportion to the money
            bought += max(money - fixed, ZERO) / each
        elif money:
            bought += (top - limit) * money / cost
        break
    return bought

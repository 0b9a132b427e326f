"""The engine against the naive biller, over generated accounts.

A few hundred accounts a run; `pytest --hypothesis-profile=thorough tests/unit/domain/billing/naive` tries twenty thousand.
"""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from tests.unit.domain.billing.naive.arithmetic import Coin, Rhythm
from tests.unit.domain.billing.naive.engine import PRODUCTS, assert_agreed
from tests.unit.domain.billing.naive.lines import (
    Account,
    Counted,
    CounterPrice,
    Deal,
    Extra,
    Floor,
    Pool,
    Price,
)

EXAMPLES = max(300, settings.get_profile(settings.get_current_profile_name()).max_examples)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
MODES = ("UP", "DOWN", "CEILING", "FLOOR", "HALF_UP", "HALF_DOWN", "HALF_EVEN")
LONG_AGO = date(2020, 1, 1)
COUNTERS = ("seats", "sites")
DRAWABLE = ("STANDING_CHARGE", "USAGE", "MINIMUM_SPEND", "COUNTER_RUNNING_TOTAL_CHARGE", "COUNTER_ADJUSTMENT_DEBIT")
ORDERS = (["PREPAYMENT", "BALANCE"], ["BALANCE", "PREPAYMENT"], ["PREPAYMENT"], ["BALANCE"])
KINDS = ("DEBIT", "DEBIT", "DEBIT", "PRODUCT_CREDIT", "GLOBAL_CREDIT")


def tenths(low: int, high: int, of: int = 10) -> st.SearchStrategy[Fraction]:
    return st.integers(low, high).map(lambda value: Fraction(value, of))


@st.composite
def bands(draw: st.DrawFn) -> Any:
    limits = [0, *sorted(draw(st.lists(st.integers(1, 400), max_size=3, unique=True)))]
    sign = draw(st.sampled_from([1, 1, 1, -1]))
    return [(limit, sign * draw(tenths(0, 500)), sign * draw(tenths(0, 900, 1000))) for limit in limits], sign


@st.composite
def counted(draw: st.DrawFn, name: str) -> Counted:
    day = tenths(1, 400, 4) | tenths(-20, 400, 4) | st.none()
    return Counted(
        name,
        draw(st.lists(day, min_size=1, max_size=7)),
        draw(st.sampled_from([Fraction(1), Fraction(4), Fraction(1, 2), Fraction(3), Fraction(500)])),
        draw(st.sampled_from(["UP", "DOWN", "NEAREST", "NONE"])),
        draw(st.none() | tenths(0, 90)),
    )


@st.composite
def price(draw: st.DrawFn, id_: str, of: list[Counted], near: date) -> Price:
    rows, sign = draw(bands())
    kind = draw(st.sampled_from(KINDS)) if sign > 0 else draw(st.sampled_from(KINDS[3:]))
    start = near + timedelta(days=draw(st.integers(-60, 40)))
    length = draw(st.sampled_from([None, None, None, *range(1, 60)]))
    cumulative, spans = draw(st.booleans()), draw(st.sampled_from([False, False, True]))
    overage, _ = draw(bands()) if cumulative and not spans and draw(st.booleans()) else ((), 1)
    return Price(
        id_,
        draw(st.sampled_from(of)),
        kind,
        draw(st.sampled_from([LONG_AGO, LONG_AGO, start])),
        None if length is None else start + timedelta(days=length),
        rows,
        cumulative=cumulative,
        spans=spans,
        of_template=draw(st.booleans()),
        floor=Floor(
            draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(30), Fraction(50_001, 100)])), draw(st.booleans())
        ),
        overage=[(limit, abs(fixed), abs(each)) for limit, fixed, each in overage],
    )


@st.composite
def counter_price(draw: st.DrawFn, id_: str, near: date) -> CounterPrice:
    rows, _ = draw(bands())
    start = near + timedelta(days=draw(st.integers(-60, 40)))
    length = draw(st.sampled_from([None, None, None, *range(1, 60)]))
    flags = [draw(st.booleans()) for _ in range(6)]
    return CounterPrice(
        id_,
        draw(st.sampled_from(COUNTERS)),
        draw(st.sampled_from([LONG_AGO, LONG_AGO, start])),
        None if length is None else start + timedelta(days=length),
        [(limit // 10, abs(fixed), abs(each)) for limit, fixed, each in rows if not limit or limit >= 10],
        *flags,
    )


@st.composite
def pool(draw: st.DrawFn, id_: str, coins: list[Coin], near: date) -> Pool:
    start = near - timedelta(days=draw(st.integers(0, 60)))
    end = start + timedelta(days=draw(st.integers(1, 90)))
    kind = draw(st.sampled_from(ORDERS[0]))
    coin = draw(st.sampled_from(coins))
    some = draw(st.lists(st.sampled_from(DRAWABLE), max_size=3))
    rolls = kind == "BALANCE" and draw(st.booleans())
    surcharge = draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(15, 2), Fraction(-10)]))
    return Pool(
        id_,
        kind,
        coin,
        start,
        end,
        end + timedelta(days=draw(st.integers(1, 40))) if rolls else end,
        coin.round(draw(tenths(0, 4000, 10) | tenths(-20, 100, 10))),
        coin.round(draw(tenths(0, 2000, 10))) if rolls and draw(st.booleans()) else None,
        frozenset(some or (DRAWABLE if kind == "PREPAYMENT" else (*DRAWABLE, "AD_HOC"))),
        frozenset(draw(st.lists(st.sampled_from(PRODUCTS), max_size=1))),
        draw(st.sampled_from(["", "", "", "k"])),
        kind == "BALANCE" and draw(st.sampled_from([False, False, False, True])),
        surcharge,
        kind == "PREPAYMENT" and not surcharge and draw(st.booleans()),
    )


@st.composite
def deal(draw: st.DrawFn, id_: str, coins: list[Coin], frequency: str, interval: int, near: date) -> Deal:
    long = 900 if frequency == "ANNUALLY" else 120
    start = near - timedelta(days=draw(st.integers(-20, long)))
    epoch = start - timedelta(days=draw(st.integers(0, 400)))
    sums = [draw(counted(name)) for name in ("x", "y")]
    length = draw(st.sampled_from([None, None]) | st.integers(1, 2 * long))
    prices = [draw(price(f"{id_}{n}", sums, near)) for n in range(draw(st.sampled_from([3, 2, 1, 4, 0])))]
    return Deal(
        id_,
        draw(st.sampled_from(PRODUCTS)),
        draw(st.sampled_from(coins)),
        Rhythm(frequency, interval, epoch),
        start,
        None if length is None else start + timedelta(days=length),
        prices,
        standing=draw(st.sampled_from([Fraction(0), Fraction(20), Fraction(9999, 100)])),
        standing_early=draw(st.booleans()),
        every=draw(st.integers(1, 3)),
        offset=draw(st.integers(0, 3)),
        floor=Floor(draw(st.sampled_from([Fraction(0), Fraction(100), Fraction(2000)])), draw(st.booleans())),
        counters=[draw(counter_price(f"{id_}c{n}", near)) for n in range(draw(st.sampled_from([0, 1, 2])))],
        contract=draw(st.sampled_from(["", "", "k"])),
    )


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Account, str, date]:
    """An account, the zone of its organization, and the day of a bill."""
    frequency = draw(st.sampled_from(["MONTHLY", "MONTHLY", "WEEKLY", "DAILY", "ANNUALLY"]))
    interval = draw(st.integers(1, 3 if frequency != "ANNUALLY" else 1))
    coins = [Coin(code, draw(st.integers(0, 3)), draw(st.sampled_from(MODES))) for code in ("USD", "EUR")]
    near = draw(st.dates(date(2024, 1, 1), date(2025, 3, 1)))
    deals = [draw(deal(id_, coins, frequency, interval, near)) for id_ in ("p", "q")[: draw(st.integers(1, 2))]]
    rates = {"USD": Fraction(1), "EUR": draw(st.sampled_from([Fraction(5, 4), Fraction(1, 2), Fraction(8)]))}
    edges = [edge for one in deals for edge in _edges(one) if edge >= one.start]
    day = draw(st.sampled_from(edges[::-1]))
    values = {
        name: [
            (near + timedelta(days=on), draw(st.integers(0, 60)))
            for on in sorted(draw(st.lists(st.integers(-80, 60), max_size=5, unique=True)))
        ]
        for name in COUNTERS
    }
    extras = [
        Extra(f"e{n}", draw(st.sampled_from(coins)), draw(tenths(-500, 900)), day - timedelta(days=back), day)
        for n, back in enumerate(draw(st.lists(st.integers(0, 40), max_size=2)))
    ]
    pools = [draw(pool(f"k{n}", coins, day)) for n in range(draw(st.sampled_from([2, 1, 3, 4, 0])))]
    order = draw(st.sampled_from(ORDERS))
    back = draw(st.sampled_from([Fraction(4, 5), Fraction(2)]))
    account = Account(deals, coins[0], rates, values, extras, pools, order, back)
    return account, draw(st.sampled_from(ZONES)), day


def _edges(deal: Deal) -> list[date]:
    """The days from which the plan may have a bill: its first, and the first few periods'."""
    later = [start for start, _ in deal.rhythm.periods(deal.start + timedelta(days=40)) if start > deal.start]
    return [deal.start, *later[:6], deal.rhythm.periods(deal.start)[-1][1]]


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(accounts())
def test_the_engine_agrees_with_the_naive_biller(found: tuple[Account, str, date]) -> None:
    for line in assert_agreed(*found):
        event(line.kind)

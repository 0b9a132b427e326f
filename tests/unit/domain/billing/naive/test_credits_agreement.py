"""The engine against the naive biller where credits run out: every account uses much, and has credits for most of it.

What hypothesis draws is mostly small and rarely meets; here a number seeds an account that is dense.
"""

from datetime import date, timedelta
from fractions import Fraction
from random import Random

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from tests.unit.domain.billing.naive.arithmetic import Bands, Coin, Rhythm
from tests.unit.domain.billing.naive.engine import PRODUCTS, assert_agreed
from tests.unit.domain.billing.naive.lines import Account, Counted, CounterPrice, Deal, Extra, Floor, Pool, Price
from tests.unit.domain.billing.naive.test_agreement import COUNTERS, DRAWABLE, EXAMPLES, MODES, ORDERS, ZONES

LONG_AGO = date(2020, 1, 1)


def cents(random: Random, low: int, high: int) -> Fraction:
    return Fraction(random.randint(low, high), 100)


def bands(random: Random, most: int) -> Bands:
    limits = [0, *sorted(random.sample(range(1, most), random.randint(0, 3)))]
    free = random.random()
    return [
        (
            limit,
            cents(random, 0, 3000) if random.random() > free else Fraction(0),
            Fraction(random.randint(0, 3000), 1000) if random.random() < 0.9 else Fraction(0),
        )
        for limit in limits
    ]


def counted(random: Random, name: str) -> Counted:
    return Counted(
        name,
        [Fraction(random.randint(-5, 60), random.choice([1, 1, 4])) for _ in range(random.randint(1, 7))],
        Fraction(random.choice([1, 1, 3, 4, 7])),
        random.choice(["UP", "DOWN", "NEAREST", "NONE", "NONE"]),
        None,
    )


def price(random: Random, id_: str, of: list[Counted], near: date) -> Price:
    cumulative, spans = random.random() < 0.7, random.random() < 0.15
    starts = near - timedelta(days=random.randint(0, 40))
    return Price(
        id_,
        random.choice(of),
        random.choice(["DEBIT"] * 6 + ["PRODUCT_CREDIT", "GLOBAL_CREDIT"]),
        random.choice([LONG_AGO, LONG_AGO, LONG_AGO, starts]),
        None,
        bands(random, 400),
        cumulative,
        spans,
        of_template=random.random() < 0.3,
        floor=Floor(random.choice([Fraction(0)] * 3 + [Fraction(300)]), random.random() < 0.5),
        overage=bands(random, 100) if cumulative and not spans and random.random() < 0.6 else (),
    )


def counter_price(random: Random, id_: str, near: date) -> CounterPrice:
    starts = near - timedelta(days=random.randint(0, 40))
    flags = [random.random() < 0.6 for _ in range(6)]
    counter = random.choice(COUNTERS)
    return CounterPrice(id_, counter, random.choice([LONG_AGO, starts]), None, bands(random, 40), *flags)


def deal(random: Random, id_: str, coins: list[Coin], rhythm: Rhythm, day: date) -> Deal:
    starts = max(day - timedelta(days=random.randint(0, 100)), rhythm.epoch)
    sums = [counted(random, name) for name in ("x", "y")]
    return Deal(
        id_,
        random.choice(PRODUCTS),
        random.choice(coins),
        rhythm,
        starts,
        random.choice([None, None, starts + timedelta(days=random.randint(1, 110))]),
        [price(random, f"{id_}{n}", sums, day) for n in range(random.randint(1, 3))],
        standing=random.choice([Fraction(0), cents(random, 1, 9999)]),
        standing_early=random.random() < 0.5,
        every=random.choice([1, 1, 2]),
        offset=0,
        floor=Floor(random.choice([Fraction(0), Fraction(0), Fraction(500)]), random.random() < 0.5),
        counters=[counter_price(random, f"{id_}c{n}", day) for n in range(random.randint(0, 2))],
        contract=random.choice(["", "", "k"]),
    )


def pool(random: Random, id_: str, coins: list[Coin], day: date) -> Pool:
    start = day - timedelta(days=random.randint(5, 45))
    end = start + timedelta(days=random.choice([5, 12, 20, 60, 90]))
    kind, coin = random.choice(ORDERS[0]), random.choice(coins)
    rolls = kind == "BALANCE" and random.random() < 0.5
    surcharge = random.choice([Fraction(0)] * 3 + [Fraction(15, 2), Fraction(-10), Fraction(1, 3 * 2**4 * 5) * 3])
    every = frozenset(DRAWABLE if kind == "PREPAYMENT" else (*DRAWABLE, "AD_HOC"))
    return Pool(
        id_,
        kind,
        coin,
        start,
        end,
        end + timedelta(days=random.randint(1, 40)) if rolls else end,
        coin.round(random.choice([Fraction(0), cents(random, 1, 500), cents(random, 1, 60_000)])),
        coin.round(cents(random, 0, 9000)) if rolls and random.random() < 0.7 else None,
        random.choice([every, every, frozenset({"USAGE"})]),
        frozenset(random.choice([(), (), (random.choice(PRODUCTS),)])),
        random.choice(["", "", "", "k"]),
        kind == "BALANCE" and random.random() < 0.1,
        surcharge,
        kind == "PREPAYMENT" and not surcharge and random.random() < 0.7,
    )


def account(random: Random) -> tuple[Account, str, date]:
    """An account, the zone of its organization, and the day of a bill that ends a period."""
    epoch = date(2024, 1, random.randint(1, 31))
    rhythm = Rhythm(random.choice(["MONTHLY", "MONTHLY", "WEEKLY"]), random.randint(1, 2), epoch)
    day = rhythm.boundary(random.randint(2, 6))
    coins = [Coin(code, random.choice([0, 2, 2, 3]), random.choice(MODES)) for code in ("USD", "EUR")]
    around = range(-80, 40)
    values = {
        name: [(day + timedelta(days=on), random.randint(0, 60)) for on in sorted(random.sample(around, 6))]
        for name in COUNTERS
    }
    extras = [
        Extra(f"e{n}", random.choice(coins), cents(random, -3000, 9000), day - timedelta(days=20), day)
        for n in range(random.randint(0, 1))
    ]
    made = Account(
        [deal(random, id_, coins, rhythm, day) for id_ in ("p", "q")[: random.randint(1, 2)]],
        coins[0],
        {"USD": Fraction(1), "EUR": random.choice([Fraction(5, 4), Fraction(1, 2), Fraction(11, 10), Fraction(3)])},
        values,
        extras,
        [pool(random, f"k{n}", coins, day) for n in range(random.randint(1, 4))],
        random.choice(ORDERS),
        random.choice([Fraction(4, 5), Fraction(2), Fraction(3)]),
    )
    return made, random.choice(ZONES), day


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**64))
def test_credits_are_used_up_as_the_naive_biller_says(seed: int) -> None:
    for line in assert_agreed(*account(Random(seed))):
        event(line.kind)

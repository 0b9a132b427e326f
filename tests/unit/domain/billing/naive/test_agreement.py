"""The engine against the naive biller, over generated accounts.

A few hundred accounts a run; `pytest --hypothesis-profile=thorough tests/unit/domain/billing/naive` tries twenty thousand.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from tests.unit.domain.billing.agreements import aggregation, conversion, terms
from tests.unit.domain.billing.naive.arithmetic import ZERO, Bands, Coin, Rhythm
from tests.unit.domain.billing.naive.biller import bill_of
from tests.unit.domain.billing.naive.lines import (
    Account,
    Counted,
    CounterPrice,
    Deal,
    Extra,
    Floor,
    Line,
    Pool,
    Price,
)
from usance.domain.billing.attached import AttachedPlan, Product, Standing
from usance.domain.billing.counters import Counter, CounterPricing, CounterValue
from usance.domain.billing.credit import Credit, CreditKind, Rollover
from usance.domain.billing.dated import Charge
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.inputs import Account as BilledAccount
from usance.domain.billing.inputs import BillingInputs, BillKey
from usance.domain.billing.pipeline import decide, plan_usage
from usance.domain.billing.pricings import Minimum, Pricing, PricingType
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import Rounding
from usance.domain.rating.bands import Band

EXAMPLES = max(300, settings.get_profile(settings.get_current_profile_name()).max_examples)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
MODES = ("UP", "DOWN", "CEILING", "FLOOR", "HALF_UP", "HALF_DOWN", "HALF_EVEN")
PRODUCTS = ("a", "b")
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


def as_inputs(account: Account, zone_name: str, day: date) -> BillingInputs:
    """The account as the engine takes it."""
    zone = ZoneInfo(zone_name)
    rhythm = account.deals[0].rhythm
    known = (account, *account.deals, *account.extras, *account.pools)
    coins = {one.coin.code: one.coin for one in known}
    products = {name: Product(name, name.upper(), name) for name in PRODUCTS}
    return BillingInputs(
        bill_id="bill",
        key=BillKey(Frequency(rhythm.frequency), rhythm.interval, day),
        account=BilledAccount("account", "acme", "Acme"),
        plans=tuple(_plan(deal, products[deal.product], account, zone) for deal in account.deals),
        products=products,
        terms=terms(
            zone_name=zone_name,
            zone=zone,
            billing_currency=account.coin.code,
            currencies={code: Currency(code, coin.places, RoundingMode(coin.mode)) for code, coin in coins.items()},
            conversions=(
                conversion("EUR", "USD", str(_decimal(account.rates["EUR"]))),
                conversion("USD", "EUR", str(_decimal(account.back))),
            ),
        ),
        charges=tuple(_charge(extra, zone) for extra in account.extras),
        credits=tuple(_credit(one, zone) for one in account.pools),
        credit_order=tuple(CreditKind(kind) for kind in account.order),
    )


def _charge(extra: Extra, zone: ZoneInfo) -> Charge:
    span = Instants(_instant(extra.start, zone), _instant(extra.end, zone))
    return Charge(extra.id, extra.id, extra.coin.code, Decimal(1), _decimal(extra.amount), span)


def _credit(one: Pool, zone: ZoneInfo) -> Credit:
    rolls = None if one.rolls is None else _decimal(one.rolls)
    return Credit(
        kind=CreditKind(one.kind),
        id=one.id,
        currency=one.coin.code,
        span=Instants(_instant(one.start, zone), _instant(one.end, zone)),
        left=_decimal(one.left),
        line_item_types=one.kinds,
        product_ids=one.products,
        contract_id=one.contract or None,
        rollover=Rollover(_instant(one.over, zone), rolls) if one.over > one.end else None,
        overdraft=one.overdraft,
        surcharge_percent=_decimal(one.surcharge),
        separate_overage=one.apart,
    )


def _plan(deal: Deal, product: Product, account: Account, zone: ZoneInfo) -> AttachedPlan:
    return AttachedPlan(
        account_plan_id=deal.id,
        plan_id=deal.id,
        product=product,
        currency=deal.coin.code,
        calendar=Calendar(Frequency(deal.rhythm.frequency), deal.rhythm.interval, deal.rhythm.epoch),
        start=_instant(deal.start, zone),
        end=_instant(deal.end, zone) if deal.end else None,
        standing=Standing(_decimal(deal.standing), deal.standing_early, deal.every, deal.offset),
        minimum=Minimum(_decimal(deal.floor.amount), deal.floor.early),
        pricings=tuple(_pricing(deal, one, zone) for one in deal.prices),
        counter_pricings=tuple(_counter_pricing(one, zone) for one in deal.counters),
        counter_values={
            name: tuple(CounterValue(on, Decimal(to)) for on, to in found)
            for name, found in account.values.items()
            if found
        },
        contract_id=deal.contract or None,
    )


def _counter_pricing(one: CounterPrice, zone: ZoneInfo) -> CounterPricing:
    return CounterPricing(
        one.id,
        Counter(one.counter, one.counter, one.counter),
        _bands(one.id, one.bands),
        _instant(one.start, zone),
        _instant(one.end, zone) if one.end else None,
        cumulative=one.cumulative,
        in_advance=one.early,
        prorate_running_total=one.totals,
        prorate_debit=one.rises,
        prorate_credit=one.falls,
        of_template=one.of_template,
    )


def _bands(id_: str, rows: Bands) -> tuple[Band, ...]:
    return tuple(Band(f"{id_}-{limit}", Decimal(limit), _decimal(fixed), _decimal(each)) for limit, fixed, each in rows)


def _pricing(deal: Deal, one: Price, zone: ZoneInfo) -> Pricing:
    return Pricing(
        one.id,
        aggregation(
            f"{deal.id}{one.counted.name}",
            quantity_per_unit=_decimal(one.counted.per_unit),
            rounding=Rounding(one.counted.rounding),
            default_value=None if one.counted.default is None else _decimal(one.counted.default),
        ),
        _bands(one.id, one.bands),
        _instant(one.start, zone),
        _instant(one.end, zone) if one.end else None,
        cumulative=one.cumulative,
        type=PricingType(one.kind),
        tiers_span_plan=one.spans,
        minimum=Minimum(_decimal(one.floor.amount), one.floor.early),
        of_template=one.of_template,
        overage_bands=_bands(f"{one.id}-over", one.overage),
    )


def _instant(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator


def usage_of(account: Account, zone: ZoneInfo, query: UsageQuery) -> Decimal | None:
    """What the account used in a span, which begins and ends at midnight where the organization is."""
    sums = {f"{deal.id}{one.counted.name}": one.counted for deal in account.deals for one in deal.prices}
    start, end = (edge.astimezone(zone) for edge in (query.span.start, query.span.end))
    assert all((edge.hour, edge.minute) == (0, 0) for edge in (start, end))
    days = [start.date() + timedelta(days=n) for n in range((end.date() - start.date()).days)]
    found = sums[query.aggregation_id].on(days)
    return None if found is None else _decimal(found)


Told = tuple[Any, ...]


def as_told(draft: BillDraft, zone: ZoneInfo) -> list[Told]:
    """The lines of the engine, as far as the naive biller says them."""
    return [
        (
            line.item.origin.account_plan_id or "",
            line.item.origin.product.id if line.item.origin.product else "",
            str(line.item.type),
            line.item.pricing_id or "",
            line.item.commitment_id or line.item.balance_id or "",
            Fraction(line.item.subtotal),
            Fraction(line.converted_subtotal),
            line.item.span.start.astimezone(zone).date(),
            line.item.span.end.astimezone(zone).date(),
        )
        for line in draft.lines
    ]


def told(lines: list[Line]) -> list[Told]:
    return [
        (one.deal, one.product, one.kind, one.price, one.credit, one.amount, one.converted, one.start, one.end)
        for one in lines
    ]


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(accounts())
def test_the_engine_agrees_with_the_naive_biller(found: tuple[Account, str, date]) -> None:
    account, zone_name, day = found
    given_inputs = as_inputs(account, zone_name, day)
    zone = ZoneInfo(zone_name)
    usage = {query: usage_of(account, zone, query) for query in plan_usage(given_inputs)}
    draft = decide(given_inputs, usage)
    naive, taken = bill_of(account, day)
    for line in naive:
        event(line.kind)
    assert sorted(as_told(draft, zone)) == sorted(told(naive))
    assert {(draw.credit_id, str(draw.phase)): Fraction(draw.amount) for draw in draft.draws} == taken
    assert Fraction(draft.total) == sum((line.converted for line in naive), ZERO)

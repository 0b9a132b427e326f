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
from tests.unit.domain.billing.naive.arithmetic import Coin, Rhythm
from tests.unit.domain.billing.naive.biller import Account, Counted, Deal, Floor, Line, Price, lines_of
from usance.domain.billing.attached import AttachedPlan, Product, Standing
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.inputs import Account as BilledAccount
from usance.domain.billing.inputs import BillingInputs, BillKey
from usance.domain.billing.pipeline import decide, plan_usage
from usance.domain.billing.pricings import Minimum, Pricing, PricingType
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.money import Currency, RoundingMode
from usance.domain.kernel.quantity import Rounding
from usance.domain.rating.bands import Band

EXAMPLES = max(300, settings.get_profile(settings.get_current_profile_name()).max_examples)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
MODES = ("UP", "DOWN", "CEILING", "FLOOR", "HALF_UP", "HALF_DOWN", "HALF_EVEN")
PRODUCTS = ("a", "b")
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
    day = st.none() | tenths(-20, 400, 4)
    return Counted(
        name,
        draw(st.lists(day, min_size=1, max_size=7)),
        draw(st.sampled_from([Fraction(1), Fraction(4), Fraction(1, 2), Fraction(500)])),
        draw(st.sampled_from(["UP", "DOWN", "NEAREST", "NONE"])),
        draw(st.none() | tenths(0, 90)),
    )


@st.composite
def price(draw: st.DrawFn, id_: str, of: list[Counted], near: date) -> Price:
    rows, sign = draw(bands())
    kind = draw(st.sampled_from(KINDS)) if sign > 0 else draw(st.sampled_from(KINDS[3:]))
    start = near + timedelta(days=draw(st.integers(-60, 40)))
    length = draw(st.none() | st.integers(1, 60))
    return Price(
        id_,
        draw(st.sampled_from(of)),
        kind,
        start if draw(st.booleans()) else date(2020, 1, 1),
        None if length is None else start + timedelta(days=length),
        rows,
        cumulative=draw(st.booleans()),
        spans=draw(st.sampled_from([False, False, True])),
        of_template=draw(st.booleans()),
        floor=Floor(
            draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(30), Fraction(50_001, 100)])), draw(st.booleans())
        ),
    )


@st.composite
def deal(draw: st.DrawFn, id_: str, coins: list[Coin], frequency: str, interval: int, near: date) -> Deal:
    long = 900 if frequency == "ANNUALLY" else 120
    start = near - timedelta(days=draw(st.integers(-20, long)))
    epoch = start - timedelta(days=draw(st.integers(0, 400)))
    sums = [draw(counted(name)) for name in ("x", "y")]
    length = draw(st.none() | st.integers(1, 2 * long))
    prices = [draw(price(f"{id_}{n}", sums, near)) for n in range(draw(st.integers(0, 5)))]
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
    day = draw(st.sampled_from(edges))
    return Account(deals, coins[0], rates), draw(st.sampled_from(ZONES)), day


def _edges(deal: Deal) -> list[date]:
    """The days from which the plan may have a bill: its first, and the first few periods'."""
    later = [start for start, _ in deal.rhythm.periods(deal.start + timedelta(days=40)) if start > deal.start]
    return [deal.start, *later[:6], deal.rhythm.periods(deal.start)[-1][1]]


def as_inputs(account: Account, zone_name: str, day: date) -> BillingInputs:
    """The account as the engine takes it."""
    zone = ZoneInfo(zone_name)
    rhythm = account.deals[0].rhythm
    coins = {one.coin.code: one.coin for one in account.deals} | {account.coin.code: account.coin}
    products = {name: Product(name, name.upper(), name) for name in PRODUCTS}
    return BillingInputs(
        bill_id="bill",
        key=BillKey(Frequency(rhythm.frequency), rhythm.interval, day),
        account=BilledAccount("account", "acme", "Acme"),
        plans=tuple(_plan(deal, products[deal.product], zone) for deal in account.deals),
        products=products,
        terms=terms(
            zone_name=zone_name,
            zone=zone,
            billing_currency=account.coin.code,
            currencies={code: Currency(code, coin.places, RoundingMode(coin.mode)) for code, coin in coins.items()},
            conversions=(conversion("EUR", "USD", str(_decimal(account.rates["EUR"]))),),
        ),
    )


def _plan(deal: Deal, product: Product, zone: ZoneInfo) -> AttachedPlan:
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
    )


def _pricing(deal: Deal, one: Price, zone: ZoneInfo) -> Pricing:
    return Pricing(
        one.id,
        aggregation(
            f"{deal.id}{one.counted.name}",
            quantity_per_unit=_decimal(one.counted.per_unit),
            rounding=Rounding(one.counted.rounding),
            default_value=None if one.counted.default is None else _decimal(one.counted.default),
        ),
        tuple(
            Band(f"{one.id}-{limit}", Decimal(limit), _decimal(fixed), _decimal(each))
            for limit, fixed, each in one.bands
        ),
        _instant(one.start, zone),
        _instant(one.end, zone) if one.end else None,
        cumulative=one.cumulative,
        type=PricingType(one.kind),
        tiers_span_plan=one.spans,
        minimum=Minimum(_decimal(one.floor.amount), one.floor.early),
        of_template=one.of_template,
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


def as_lines(draft: BillDraft) -> list[Line]:
    return [
        Line(
            str(line.item.origin.account_plan_id),
            line.item.origin.product.id if line.item.origin.product else "",
            str(line.item.type),
            line.item.pricing_id or "",
            Fraction(line.item.subtotal),
            Fraction(line.converted_subtotal),
        )
        for line in draft.lines
    ]


def _order(line: Line) -> tuple[Any, ...]:
    return line.deal, line.kind, line.price, line.amount


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(accounts())
def test_the_engine_agrees_with_the_naive_biller(found: tuple[Account, str, date]) -> None:
    account, zone_name, day = found
    given_inputs = as_inputs(account, zone_name, day)
    zone = ZoneInfo(zone_name)
    usage = {query: usage_of(account, zone, query) for query in plan_usage(given_inputs)}
    draft = decide(given_inputs, usage)
    naive = lines_of(account, day)
    for line in naive:
        event(line.kind)
    assert sorted(as_lines(draft), key=_order) == sorted(naive, key=_order)
    assert Fraction(draft.total) == sum((line.converted for line in naive), Fraction(0))

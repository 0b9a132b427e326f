"""A naive account as the engine takes it, and what both say of its bill, side by side."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.unit.domain.billing.agreements import aggregation, conversion, terms
from tests.unit.domain.billing.naive.arithmetic import ZERO, Bands
from tests.unit.domain.billing.naive.biller import bill_of
from tests.unit.domain.billing.naive.lines import Account, CounterPrice, Deal, Extra, Line, Pool, Price
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

PRODUCTS = ("a", "b")


def assert_agreed(account: Account, zone_name: str, day: date) -> list[Line]:
    """The lines of the naive bill, of which the engine's are the same, to the last digit."""
    given = as_inputs(account, zone_name, day)
    zone = ZoneInfo(zone_name)
    usage = {query: usage_of(account, zone, query) for query in plan_usage(given)}
    draft = decide(given, usage)
    naive, taken = bill_of(account, day)
    assert sorted(as_told(draft, zone)) == sorted(told(naive))
    assert {(draw.credit_id, str(draw.phase)): Fraction(draw.amount) for draw in draft.draws} == taken
    assert Fraction(draft.total) == sum((line.converted for line in naive), ZERO)
    return naive


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

"""Small agreements to bill, with what tests rarely vary already filled in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from usance.domain.billing.attached import AttachedPlan, Product, Standing
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.counters import Counter, CounterPricing, CounterValue
from usance.domain.billing.draft import BillDraft
from usance.domain.billing.inputs import Account, BillingInputs
from usance.domain.billing.pipeline import decide, plan_usage
from usance.domain.billing.pricings import Aggregation, Minimum, Pricing
from usance.domain.billing.terms import Conversion, InvoiceDateRule, Terms
from usance.domain.billing.usage import UsageQuery
from usance.domain.kernel.calendar import Calendar, Frequency
from usance.domain.kernel.quantity import Rounding
from usance.domain.kernel.timezones import time_zone
from usance.domain.rating.bands import Band

PRODUCT = Product("product", "Storage", "storage")
MONTHLY = Calendar(Frequency.MONTHLY, 1, date(2022, 1, 1))
Value = Decimal | str | int | None


def instant(text: str) -> datetime:
    """Midnight UTC of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bands(*rows: tuple[Any, Any, Any]) -> tuple[Band, ...]:
    """Bands of (lower limit, fixed price, unit price)."""
    return tuple(Band(f"band-{n}", *(Decimal(str(cell)) for cell in row)) for n, row in enumerate(rows))


def aggregation(id_: str = "gb", **changes: Any) -> Aggregation:
    """An aggregation that rates each unit of a sum."""
    base = Aggregation(id_, id_.upper(), "meter", "SUM", id_, id_, Decimal(1), Rounding.NONE)
    return replace(base, **changes)


def pricing(id_: str = "pricing", *, rows: Sequence[tuple[Any, Any, Any]] = ((0, 0, 1),), **changes: Any) -> Pricing:
    """A pricing in force since 2020."""
    base = Pricing(id_, aggregation(), bands(*rows), instant("2020-01-01"))
    return replace(base, **changes)


def seat_pricing(
    id_: str = "seats", *, rows: Sequence[tuple[Any, Any, Any]] = ((0, 0, 2), (20, 0, 3)), **changes: Any
) -> CounterPricing:
    """A price of seats in force since 2020, as in W6: tiered, 2 up to 20 seats and 3 above, prorated."""
    counter = Counter("counter", "Seats", "seats")
    return replace(CounterPricing(id_, counter, bands(*rows), instant("2020-01-01"), cumulative=True), **changes)


def seats(**values: int) -> dict[str, tuple[CounterValue, ...]]:
    """What seats stand at: `seats(_2024_06_01=15)`."""
    days = ((date.fromisoformat(day[1:].replace("_", "-")), value) for day, value in values.items())
    return {"counter": tuple(CounterValue(day, Decimal(value)) for day, value in days)}


def plan(*pricings: Pricing, **changes: Any) -> AttachedPlan:
    """A monthly plan in force since 2022 without charges of its own."""
    base = AttachedPlan(
        account_plan_id="account-plan",
        plan_id="plan",
        product=PRODUCT,
        currency="USD",
        calendar=MONTHLY,
        start=instant("2022-01-01"),
        end=None,
        standing=Standing(Decimal(0)),
        minimum=Minimum(Decimal(0)),
        pricings=pricings,
    )
    return replace(base, **changes)


def terms(**changes: Any) -> Terms:
    """UTC, US dollars, a day to pay."""
    base = Terms(
        zone_name="UTC",
        zone=time_zone("UTC"),
        billing_currency="USD",
        currencies={},
        conversions=(),
        days_before_due=1,
        invoice_date_rule=InvoiceDateRule.FIRST_DAY_OF_NEXT_PERIOD,
    )
    return replace(base, **changes)


def conversion(source: str, target: str, multiplier: str) -> Conversion:
    """A conversion rate."""
    return Conversion(source, target, Decimal(multiplier))


def inputs(day: str, *plans: AttachedPlan, **changes: Any) -> BillingInputs:
    """What a bill on `day` is decided from."""
    calendar = plans[0].calendar
    base = BillingInputs(
        bill_id="bill",
        key=BillKey(BillFrequency(calendar.frequency), calendar.interval, date.fromisoformat(day)),
        account=Account("account", "acme", "Acme"),
        plans=plans,
        products={PRODUCT.id: PRODUCT},
        terms=terms(),
    )
    return replace(base, **changes)


def bill(
    given: BillingInputs, usage: Mapping[str, Value] | Callable[[UsageQuery], Value] = lambda _: None
) -> BillDraft:
    """The bill when each target field has the value in `usage`, or the value that `usage` computes for a query."""
    look_up = usage if callable(usage) else lambda query: usage.get(query.target_field)
    values = {}
    for query in plan_usage(given):
        found = look_up(query)
        values[query] = None if found is None else Decimal(str(found))
    return decide(given, values)


def lines(draft: BillDraft) -> list[tuple[str, str]]:
    """Type and converted subtotal of every line, in order."""
    return [(str(line.item.type), str(line.converted_subtotal)) for line in draft.lines]

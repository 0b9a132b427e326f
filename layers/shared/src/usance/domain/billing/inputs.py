"""Everything a bill is decided from, but for usage: what the account agreed to, and the settings in force."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Self

from usance.domain.billing.credit import Credit, CreditKind
from usance.domain.billing.pool import Child, ChildBilling, Member
from usance.domain.kernel.calendar import Calendar
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency
from usance.domain.kernel.period import Instants
from usance.domain.kernel.quantity import EXACT, ONE, ZERO, Rounding
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.rating.bands import Band

Segment = tuple[tuple[str, str], ...]
"""Values by field, sorted by field. A value of `*` stands for any that no more specific segment names."""


class PricingType(StrEnum):
    """Whether a pricing charges or credits (billing.md 2.1, 2.6)."""

    DEBIT = "DEBIT"
    PRODUCT_CREDIT = "PRODUCT_CREDIT"
    GLOBAL_CREDIT = "GLOBAL_CREDIT"


class InvoiceDateRule(StrEnum):
    """Which day goes onto the invoice (W10)."""

    FIRST_DAY_OF_NEXT_PERIOD = "FIRST_DAY_OF_NEXT_PERIOD"
    LAST_DAY_OF_ARREARS = "LAST_DAY_OF_ARREARS"


@dataclass(frozen=True, slots=True)
class Product:
    """A product, as line items name it."""

    id: str
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How measurements become a quantity, and a quantity units."""

    id: str
    name: str
    meter_id: str
    method: str
    target_field: str
    unit: str
    quantity_per_unit: Decimal
    rounding: Rounding
    default_value: Decimal | None = None
    accounting_product_id: str | None = None
    segmented_fields: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    custom_sql: CustomSql | None = None


FieldValue = Decimal | str
"""A custom field."""


@dataclass(frozen=True, slots=True)
class Compound:
    """How a quantity follows from those of `parts`, simple aggregations by code, and a quantity becomes units."""

    id: str
    name: str
    calculation: str
    parts: tuple[tuple[str, Aggregation], ...]
    unit: str
    quantity_per_unit: Decimal
    rounding: Rounding
    evaluate_nulls: bool = False
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Minimum:
    """A minimum spend. An amount of 0 asks for nothing."""

    amount: Decimal
    in_advance: bool = False
    description: str | None = None
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """A price for one aggregation, simple or compound (and segment), from `start` to `end` (None: for ever)."""

    id: str
    aggregation: Aggregation | Compound
    bands: tuple[Band, ...]
    start: datetime
    end: datetime | None = None
    cumulative: bool = False
    type: PricingType = PricingType.DEBIT
    segment: Segment = ()
    tiers_span_plan: bool = False
    minimum: Minimum = field(default_factory=lambda: Minimum(ZERO))
    description: str | None = None
    accounting_product_id: str | None = None
    of_template: bool = False
    overage_bands: tuple[Band, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter, as line items name it."""

    id: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class CounterPricing:
    """A price for the value of a counter from `start` to `end` (None: for ever). The flags are those of billing.md 4."""

    id: str
    counter: Counter
    bands: tuple[Band, ...]
    start: datetime
    end: datetime | None = None
    cumulative: bool = False
    in_advance: bool = True
    prorate_running_total: bool = True
    prorate_debit: bool = True
    prorate_credit: bool = True
    description: str | None = None
    accounting_product_id: str | None = None
    of_template: bool = False


@dataclass(frozen=True, slots=True)
class CounterValue:
    """What a counter stands at from `day` on."""

    day: date
    value: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing charge: `amount` every `interval` bills, carried by bill `offset` of each such group."""

    amount: Decimal
    in_advance: bool = False
    interval: int = 1
    offset: int = 0
    description: str | None = None
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a charge is owed under: the currency it is priced in, and what the line item names (billing.md 12.2).

    `child` is the account that it is for, on its parent's bill; with `summary` equal charges of several accounts are one.
    """

    currency: str
    product: Product | None = None
    account_plan_id: str | None = None
    plan_id: str | None = None
    contract_id: str | None = None
    plan_group_id: str | None = None
    child: Child | None = None
    summary: bool = False

    def is_of(self, plan: "AttachedPlan") -> bool:
        """Whether the charge is one of `plan`; the plans of a group share their account plan."""
        return (self.account_plan_id, self.plan_id) == (plan.account_plan_id, plan.plan_id)


@dataclass(frozen=True, slots=True)
class UsageFilters:
    """Which usage counts, by text fields: `include` needs one of the values of each field, `exclude` none of its own."""

    include: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, wire: Iterable[Mapping[str, str]]) -> Self:
        """Of a contract's `usageFilters`: `dimensionCode`, `mode` (INCLUDE or EXCLUDE) and `value` of each."""
        chosen: dict[str, dict[str, set[str]]] = {"INCLUDE": {}, "EXCLUDE": {}}
        for one in wire:
            chosen[one["mode"]].setdefault(one["dimensionCode"], set()).add(one["value"])
        include, exclude = (
            tuple((code, tuple(sorted(values))) for code, values in sorted(by_code.items()))
            for by_code in chosen.values()
        )
        return cls(include, exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What an account plan puts on an account from `start` to `end` (None: open), inherited settings resolved.

    `grouping` names the bill of its own that a contract asks for; empty for the account's ordinary bill. `child` is
    whose it is, on a parent's bill.
    """

    account_plan_id: str
    currency: str
    calendar: Calendar
    start: datetime
    end: datetime | None
    standing: Standing
    minimum: Minimum
    pricings: tuple[Pricing, ...] = ()
    contract_id: str | None = None
    plan_group_id: str | None = None
    grouping: str = ""
    filters: UsageFilters = field(default_factory=UsageFilters)
    child: Child | None = None
    child_billing: ChildBilling = ChildBilling.PARENT_BREAKDOWN

    @property
    def origin(self) -> Origin:
        """What its line items come from."""
        return self._origin()

    def _origin(self, product: Product | None = None, plan_id: str | None = None) -> Origin:
        summary = self.child_billing is ChildBilling.PARENT_SUMMARY
        return Origin(
            currency=self.currency,
            product=product,
            account_plan_id=self.account_plan_id,
            plan_id=plan_id,
            contract_id=self.contract_id,
            plan_group_id=self.plan_group_id,
            child=None if summary else self.child,
            summary=summary,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedPlan(Attachment):
    """A plan on the account, alone or as a member of the group `plan_group_id`.

    `members` are the accounts whose usage it rates, the parent before its children; none for the bill's account alone.
    """

    plan_id: str
    product: Product
    members: tuple[Member, ...] = ()
    custom_fields: Mapping[str, FieldValue] = field(default_factory=dict)
    """What compound aggregations refer to, by the name they use."""
    counter_pricings: tuple[CounterPricing, ...] = ()
    counter_values: Mapping[str, tuple[CounterValue, ...]] = field(default_factory=dict)
    """By counter that has any: the values on the account, in order of their days."""

    @property
    def origin(self) -> Origin:
        """What the plan's line items come from."""
        return self._origin(self.product, self.plan_id)

    @property
    def is_split(self) -> bool:
        """Whether what it rates over several accounts is charged in parts, one for each of them."""
        return len(self.members) > 1 and self.child_billing is not ChildBilling.PARENT_SUMMARY


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedGroup(Attachment):
    """What a plan group itself charges; its plans are `AttachedPlan`s of the same account plan."""

    name: str


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge of its own date: `units` at `unit_price`, an amount being one unit. With `balance_id` it is a fee.

    `bill_id` is the bill that it is on already.
    """

    id: str
    description: str
    currency: str
    units: Decimal
    unit_price: Decimal
    span: Instants
    bill_id: str | None = None
    contract_id: str | None = None
    balance_id: str | None = None
    accounting_product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fee:
    """What a bill charges of a commitment: its `number`-th fee, from 0, on the bill of `day`.

    `since` is where the bill's period begins, when the fee is all that is on it.
    """

    commitment_id: str
    currency: str
    number: int
    day: date
    amount: Decimal
    span: Instants
    since: date
    description: str | None = None
    contract_id: str | None = None
    accounting_product_ids: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the bill is for."""

    id: str
    code: str
    name: str
    purchase_order_number: str | None = None


class BillFrequency(StrEnum):
    """The frequencies of bills: those of calendars, and two that follow dates of their own (billing.md 6.1)."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    ANNUALLY = "ANNUALLY"
    AD_HOC = "AD_HOC"
    MIXED = "MIXED"


@dataclass(frozen=True, slots=True, order=True)
class BillKey:
    """Which bill of an account: the calendar's frequency and interval, and the day the bill falls on.

    Charges in arrears cover the period that ends on `day`; charges in advance the one that begins on it. A consolidated
    bill is MIXED, with the interval 1. `grouping` tells bills apart that contracts ask for.
    """

    frequency: BillFrequency
    interval: int
    day: date
    grouping: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """One unit of `source` is `multiplier` units of `target`."""

    source: str
    target: str
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class DateOverrides:
    """Dates a bill job sets in place of the rules."""

    bill_date: date | None = None
    due_date: date | None = None
    external_invoice_date: date | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Settings of the organization, the account and the job that shape every line of a bill."""

    zone_name: str
    zone: tzinfo
    billing_currency: str
    currencies: Mapping[str, Currency]
    conversions: tuple[Conversion, ...]
    days_before_due: int
    invoice_date_rule: InvoiceDateRule
    dates: DateOverrides = field(default_factory=DateOverrides)

    def currency(self, code: str) -> Currency:
        """The currency's rounding; one that is not configured rounds to 2 places, half up (Q13)."""
        return self.currencies.get(code) or Currency(code)

    def rate(self, source: str, target: str) -> Decimal:
        """What one unit of `source` is in `target`. Codes are case-sensitive; no inverse or cross rate is guessed.

        Raises `InvalidInputError` when there is no rate: the bill cannot be made (billing.md 12.6).
        """
        if source == target:
            return ONE
        for conversion in self.conversions:
            if (conversion.source, conversion.target) == (source, target):
                return conversion.multiplier
        raise InvalidInputError(f"currencyConversions has no rate from {source} to {target}; add one and bill again")

    def priced(self, amount: Decimal, currency: str) -> Decimal:
        """An amount of the billing currency in another one, rounded there. `InvalidInputError` without a rate."""
        return self.currency(currency).round(EXACT.divide(amount, self.rate(currency, self.billing_currency)))


@dataclass(frozen=True, slots=True)
class BillingInputs:
    """One bill to decide. `plans` and `groups` are those that `key` may charge for, in a fixed order."""

    bill_id: str
    key: BillKey
    account: Account
    plans: tuple[AttachedPlan, ...]
    products: Mapping[str, Product]
    terms: Terms
    groups: tuple[AttachedGroup, ...] = ()
    charges: tuple[Charge, ...] = ()
    fees: tuple[Fee, ...] = ()
    credits: tuple[Credit, ...] = ()
    credit_order: tuple[CreditKind, ...] = ()

"""What account plans put on an account: plans, groups of plans, and what they charge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self

from usance.domain.billing.billed import Billed
from usance.domain.billing.counters import CounterPricing, CounterValue
from usance.domain.billing.pool import Child, ChildBilling, Member
from usance.domain.billing.pricings import FieldValue, Minimum, Pricing
from usance.domain.kernel.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Product:
    """A product, as line items name it."""

    id: str
    name: str
    code: str


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
    whose it is, on a parent's bill. `billed` is what other bills have of it, and keep. `still_in_arrears` are the kinds of charge
    (`billed.py`) that are in advance now and were not when the period that closes began: nothing was billed for it then.
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
    billed: tuple[Billed, ...] = ()
    still_in_arrears: tuple[str, ...] = ()

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
        if len(self.members) < 2:  # noqa: PLR2004 - nobody to share with
            return False
        return self.child_billing is not ChildBilling.PARENT_SUMMARY or any(one.billed for one in self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedGroup(Attachment):
    """What a plan group itself charges; its plans are `AttachedPlan`s of the same account plan."""

    name: str

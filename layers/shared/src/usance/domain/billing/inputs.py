"""Everything a bill is decided from, but for usage: what the account agreed to, and the settings in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from usance.domain.billing.attached import AttachedGroup, AttachedPlan, Product
from usance.domain.billing.credit import Credit, CreditKind
from usance.domain.billing.dated import Charge, Fee
from usance.domain.billing.terms import Terms


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

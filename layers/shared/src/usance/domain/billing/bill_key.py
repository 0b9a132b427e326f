"""Which bill of an account."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


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

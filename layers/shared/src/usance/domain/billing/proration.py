"""Shares of amounts by whole local days (billing.md 3.1, Q6)."""

from decimal import Decimal

from usance.domain.billing.items import Working
from usance.domain.kernel.quantity import EXACT


def prorate(amount: Decimal, days: int, of_days: int) -> Decimal:
    """`amount` for `days` of a period of `of_days`. Not rounded; `days` may pass `of_days` before an epoch (Q1)."""
    if days == of_days:
        return amount
    return EXACT.divide(EXACT.multiply(amount, Decimal(days)), Decimal(of_days))


def prorated(amount: Decimal, days: int, of_days: int) -> Working:
    """The same, with how it came about."""
    given = (("amount", amount), ("days", Decimal(days)), ("ofDays", Decimal(of_days)))
    return Working("PRORATED", given, prorate(amount, days, of_days))

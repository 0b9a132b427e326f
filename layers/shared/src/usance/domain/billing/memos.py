"""Credits and debits that someone adds to a bill by hand (billing.md 12.11)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final

from usance.domain.billing.terms import Terms
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency
from usance.domain.kernel.quantity import EXACT, ZERO

MEMOS_MAX: Final = 100  # more than anyone writes by hand; each is read again when the bill is calculated again


class MemoKind(StrEnum):
    """Which way a memo moves the bill."""

    CREDIT = "credit"
    DEBIT = "debit"


def applied(kind: MemoKind, amount: Decimal, part: Decimal | None, currency: Currency) -> Decimal:
    """What the bill's total changes by: `part` of `amount` or all of it, a credit below 0, rounded to the currency.

    `InvalidInputError` when the part is more than the amount.
    """
    if part is not None and part > amount:
        raise InvalidInputError(f"amountToApplyOnBill: {part:f} is more than amount, {amount:f}")
    rounded = currency.round(amount if part is None else part)
    return -rounded if kind is MemoKind.CREDIT else rounded


def check_service_period(start: datetime, end: datetime) -> None:
    """`InvalidInputError` unless the period ends after it starts, or is a single instant."""
    if end < start:
        raise InvalidInputError("servicePeriodEndDate must not be before servicePeriodStartDate")


def check_count(count: int) -> None:
    """`InvalidInputError` when a bill would have too many memos."""
    if count > MEMOS_MAX:
        raise InvalidInputError(f"a bill takes at most {MEMOS_MAX} credit and debit line items; delete one first")


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    with localcontext(EXACT):
        return sum(amounts, ZERO)


def converted(terms: Terms, currency: str, amount: Decimal) -> tuple[Decimal, Decimal]:
    """The rate from `currency` to the billing currency, and `amount` at it, rounded there as any line item is."""
    rate = terms.rate(currency, terms.billing_currency)
    return rate, terms.currency(terms.billing_currency).round(EXACT.multiply(amount, rate))

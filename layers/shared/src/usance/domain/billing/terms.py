"""Settings in force for a bill: time zone, currencies, dates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from decimal import Decimal
from enum import StrEnum

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency
from usance.domain.kernel.quantity import EXACT, ONE


class InvoiceDateRule(StrEnum):
    """Which day goes onto the invoice (W10)."""

    FIRST_DAY_OF_NEXT_PERIOD = "FIRST_DAY_OF_NEXT_PERIOD"
    LAST_DAY_OF_ARREARS = "LAST_DAY_OF_ARREARS"


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

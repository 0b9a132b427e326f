"""Dates of a bill that follow from its day (billing.md 12.1, W10)."""

from datetime import date, timedelta

from usance.domain.billing.terms import InvoiceDateRule


def due_date(bill_date: date, days_before_due: int) -> date:
    """When the bill must be paid."""
    return bill_date + timedelta(days=days_before_due)


def external_invoice_date(day: date, rule: InvoiceDateRule) -> date:
    """The date the invoice shows: the first day after the period, or the period's last day."""
    match rule:
        case InvoiceDateRule.FIRST_DAY_OF_NEXT_PERIOD:
            return day
        case InvoiceDateRule.LAST_DAY_OF_ARREARS:
            return day - timedelta(days=1)

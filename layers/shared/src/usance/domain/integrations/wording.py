"""Words on invoices of external systems."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from usance.domain.integrations.invoice import Invoice, InvoiceLine
from usance.domain.kernel.ids import derived_id

_INSTANT: Final = timedelta(microseconds=1)
_LIFE_CHARS: Final = 8  # of a digest; tells apart the few bills that were ever calculated under one id


def described(line: InvoiceLine, max_chars: int) -> str:
    """A line in one sentence: what, for which days, how much of it. Cut to `max_chars`."""
    more = []
    if line.service_start and line.service_end:
        last = max(line.service_start, line.service_end - _INSTANT)
        more.append(f"{line.service_start.date()} to {last.date()}")
    if line.quantity:
        more.append(f"{plain(line.quantity)} {line.unit}".strip())
    text = f"{line.description} ({', '.join(more)})" if more else line.description
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


def plain(number: Decimal) -> str:
    """A number without exponent and without zeros at its end: `1.50` is 1.5, `1E+3` is 1000."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def mark(invoice: Invoice) -> str:
    """What an invoice is found by in systems that have no keys of ours: the bill's id, and which of its lives it is."""
    return f"{invoice.bill_id}/{derived_id(invoice.bill_id, invoice.life)[-_LIFE_CHARS:]}"

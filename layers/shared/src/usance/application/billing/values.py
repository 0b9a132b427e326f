"""Dates, instants and numbers of wire documents, as the domain computes with them."""

from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import midnight
from usance.resources import instants
from usance.resources.wire import Document

DATE_LENGTH: Final = 10  # YYYY-MM-DD


def day(text: str) -> date:
    """The date that is written, of a date or a date-time."""
    return date.fromisoformat(text[:DATE_LENGTH])


def optional_day(text: str | None) -> date | None:
    """`day`, of a value that may be absent."""
    return day(text) if text else None


def instant(text: str, zone: tzinfo) -> datetime:
    """An instant in UTC: a date alone is its local midnight in `zone`; a date-time without an offset is UTC."""
    return midnight(day(text), zone) if len(text) == DATE_LENGTH else instants.from_text(text)


def optional_instant(text: str | None, zone: tzinfo) -> datetime | None:
    """`instant`, of a value that may be absent."""
    return instant(text, zone) if text else None


def first(name: str, *documents: Document) -> Any:
    """The first value that is defined: the override chains of billing.md 1.1."""
    return next((document[name] for document in documents if document.get(name) is not None), None)


def number_of(value: Decimal | int) -> Decimal:
    """A number of a document, exact. `InvalidInputError` when it is none."""
    if not isinstance(value, Decimal | int):
        raise InvalidInputError(f"{value!r} is not a number")
    return Decimal(value)

"""From wire documents to what the domain computes with: accounts, currencies, dates and numbers."""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from usance.domain.billing.attached import Product
from usance.domain.billing.inputs import Account
from usance.domain.billing.terms import Conversion
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency, RoundingMode
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


def account_of(document: Document) -> Account:
    """An account."""
    return Account(document["id"], document["code"], document["name"], document.get("purchaseOrderNumber"))


def product_of(document: Document) -> Product:
    """A product."""
    return Product(document["id"], document["name"], document["code"])


def currency_of(document: Document) -> Currency:
    """A currency, with our defaults where the document is silent (Q13)."""
    places, mode = document.get("maxDecimalPlaces"), document.get("roundingMode")
    return Currency(
        document["code"],
        2 if places is None else int(places),
        RoundingMode(mode) if mode else RoundingMode.HALF_UP,
    )


def conversions_of(documents: Sequence[Document]) -> tuple[Conversion, ...]:
    """Conversion rates."""
    return tuple(Conversion(item["from"], item["to"], number_of(item["multiplier"])) for item in documents)


def first(name: str, *documents: Document) -> Any:
    """The first value that is defined: the override chains of billing.md 1.1."""
    return next((document[name] for document in documents if document.get(name) is not None), None)


def number_of(value: Decimal | int) -> Decimal:
    """A number of a document, exact. `InvalidInputError` when it is none."""
    if not isinstance(value, Decimal | int):
        raise InvalidInputError(f"{value!r} is not a number")
    return Decimal(value)

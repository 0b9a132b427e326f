"""From wire documents to what the domain computes with: accounts, products and currencies."""

from collections.abc import Sequence

from usance.application.billing.values import number_of
from usance.domain.billing.attached import Product
from usance.domain.billing.inputs import Account
from usance.domain.billing.terms import Conversion
from usance.domain.kernel.money import Currency, RoundingMode
from usance.resources.wire import Document


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

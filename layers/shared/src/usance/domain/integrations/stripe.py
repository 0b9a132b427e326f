"""Stripe: a bill as a customer, an invoice and its invoice items (platform.md 10.6).

Stripe counts in the smallest unit of a currency, with exceptions of its own; an invoice holds at most 250 items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from usance.domain.integrations.amounts import sum_of, whole_units
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice, InvoiceLine, Product
from usance.domain.integrations.selection import COMMON_TO_BILLS
from usance.domain.integrations.system import BILL, Setting, System
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault

CUSTOMER: Final = "Customer"
COLLECTION_METHODS: Final = ("send_invoice", "charge_automatically")

_KEY: Final = Setting("apiKey", "Secret or restricted key", required=True, secret=True, in_header=True)
SYSTEM: Final = System(
    identifier="Stripe",
    display_name="Stripe",
    destinations=("STRIPE", "STRIPE_TEST"),
    credentials={
        "STATIC_API_KEY": (_KEY,),
        "STRIPE_SIGNED_REQUEST": (_KEY,),
    },
    options=(
        *COMMON_TO_BILLS,
        Setting("createCustomers", "Create a customer for an account that is not mapped", kind="boolean"),
        Setting("collectionMethod", "How the invoice is collected", choices=COLLECTION_METHODS),
        Setting("autoAdvance", "Let Stripe collect the invoice once it is finalised", kind="boolean"),
        Setting("stripeAccount", "Connected account to act for", in_header=True),
    ),
    tables={"Account": (CUSTOMER,), "Product": ("Product",), BILL: ("Invoice",)},
)

CLOCKS_DIFFER: Final = timedelta(hours=1)  # between Stripe and here, at most
ITEMS_MAX: Final = 250  # of an invoice, by Stripe
TEXT_MAX: Final = 500  # characters of a description and of a value of metadata
FIELD_MAX: Final = 140  # characters of the value of a custom field
NAME_MAX: Final = 256  # characters of a customer's name
BILL_KEY: Final = "usanceBillId"
LIFE_KEY: Final = "usanceBillMade"  # tells a bill from one that is made again under its id
LINE_KEY: Final = "usanceLineId"
DIGEST_KEY: Final = "usanceDigest"

# Decimal places that Stripe takes, and how many of its units one of these steps is.
_USUAL: Final = (2, 1)
_UNITS: Final[Mapping[str, tuple[int, int]]] = {
    **dict.fromkeys(
        ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"],
        (0, 1),
    ),
    **dict.fromkeys(["ISK", "UGX"], (0, 100)),  # without decimals, and yet written with two
    **dict.fromkeys(["BHD", "JOD", "KWD", "OMR", "TND"], (2, 10)),  # three decimals, the last of which is 0
}


@dataclass(frozen=True, slots=True)
class Item:
    """An invoice item: our line's id, its amount in units of Stripe, and what Stripe is told."""

    line_id: str
    amount: int
    document: Mapping[str, Any]
    digest: str


def minor_units(currency: str, amounts: Sequence[Decimal]) -> list[int]:
    """Amounts as Stripe counts them, which add up to the rounded total."""
    places, step = _UNITS.get(currency.upper(), _USUAL)
    return [units * step for units in whole_units(amounts, places)]


def customer_of(account: Mapping[str, Any]) -> dict[str, Any]:
    """The customer that an account becomes."""
    address = account.get("address") or {}
    lines = [address.get(f"addressLine{number}") for number in range(2, 5)]
    told = {
        "line1": address.get("addressLine1"),
        "line2": ", ".join(filter(None, lines)) or None,
        "city": address.get("locality"),
        "state": address.get("region"),
        "postal_code": address.get("postCode"),
        "country": _country(address.get("country")),
    }
    customer = {
        "name": _cut(account.get("name"), NAME_MAX),
        "email": account.get("emailAddress"),
        "address": _present(told) or None,
        "metadata": _present({"usanceAccountId": account["id"], "usanceAccountCode": account.get("code")}),
    }
    return _present(customer)


def draft_of(invoice: Invoice, customer: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The bare draft, of what can be set only when it is made. It is not advanced by itself while it is a draft."""
    method = options.get("collectionMethod", COLLECTION_METHODS[0])
    if method not in COLLECTION_METHODS:
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED, f"configData.collectionMethod must be one of {', '.join(COLLECTION_METHODS)}"
        )
    return {
        "customer": customer,
        "currency": invoice.currency.lower(),
        "collection_method": method,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "metadata": {BILL_KEY: invoice.bill_id, LIFE_KEY: invoice.life},
    }


def header_of(invoice: Invoice, options: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What a draft says besides its items.

    A day that is due is over at midnight UTC. What is due already is due at once: Stripe takes no date that is past. An
    empty value takes away what an earlier version of the bill set.
    """
    fields = {
        "Purchase order": invoice.purchase_order_number,
        "Bill": invoice.number,
        "Reference": invoice.reference,
        "Billing period": f"{invoice.period_start} to {_last_day(invoice)}",
    }
    issued = _midnight(invoice.invoice_date)
    header: dict[str, Any] = {
        "custom_fields": [{"name": name, "value": _cut(value, FIELD_MAX)} for name, value in fields.items() if value],
        "effective_at": int(issued.timestamp()) if issued <= now else "",
        "metadata": _present({BILL_KEY: invoice.bill_id, "usanceBillNumber": invoice.number}),
    }
    if options.get("collectionMethod", COLLECTION_METHODS[0]) == COLLECTION_METHODS[0]:
        due = datetime.combine(invoice.due_date, time(23, 59, 59), UTC)
        header |= {"due_date": int(due.timestamp())} if due > now else {"days_until_due": 0}
    return header


def items_of(invoice: Invoice, known: ExternalIds) -> list[Item]:
    """The invoice items, together the bill's total. Lines of nothing are left out; too many are drawn together by product."""
    lines = [line for line in invoice.lines if line.amount]
    if len(lines) > ITEMS_MAX:
        lines = _drawn_together(lines)
    if len(lines) > ITEMS_MAX:
        raise ConnectorError(
            Fault.PAYLOAD_REFUSED,
            f"the bill has line items of {len(lines)} kinds; an invoice of Stripe holds {ITEMS_MAX}",
        )
    units = minor_units(invoice.currency, [line.amount for line in lines])
    return [_item(invoice.currency, line, amount, known) for line, amount in zip(lines, units, strict=True)]


def digest_of(invoice: Invoice, items: Sequence[Item]) -> str:
    """What an invoice that is finalised is compared by: the same for a bill that says the same."""
    dates = (invoice.due_date.isoformat(), invoice.invoice_date.isoformat())
    texts = (invoice.currency, invoice.purchase_order_number or "", invoice.number or "", invoice.reference or "")
    return derived_id("stripe invoice", *dates, *texts, *(item.digest for item in items))


def search_of(invoice: Invoice, customer: str) -> dict[str, Any]:
    """Where an invoice that was made of the bill is to be looked for: not before the bill was there."""
    try:
        made = datetime.fromisoformat(invoice.life)
    except ValueError:
        return {"customer": customer}
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return {"customer": customer, "created": {"gte": int((made - CLOCKS_DIFFER).timestamp())}}


def is_of(there: Mapping[str, Any], invoice: Invoice) -> bool:
    """Whether an invoice that Stripe has was made of this bill, in this life of it."""
    metadata = there.get("metadata") or {}
    return metadata.get(BILL_KEY) == invoice.bill_id and metadata.get(LIFE_KEY) == invoice.life


def matches(there: Mapping[str, Any], item: Item) -> bool:
    """Whether an item that Stripe has says what it shall say. Its amount may have been changed by hand."""
    return there["amount"] == item.amount and (there.get("metadata") or {}).get(DIGEST_KEY) == item.digest


def _item(currency: str, line: InvoiceLine, amount: int, known: ExternalIds) -> Item:
    product = known.of("Product", line.product.id, "Product") if line.product else None
    item: dict[str, Any] = {
        "currency": currency.lower(),
        "description": _cut(line.description or line.kind, TEXT_MAX),
        "metadata": _present(
            {
                LINE_KEY: line.id,
                "usanceLineType": line.kind,
                "usanceProductCode": line.product.code if line.product else None,
                "usanceQuantity": f"{line.quantity:f} {line.unit}".strip(),
            }
        ),
    }
    if product and amount > 0:  # a price of a product is never below 0
        item |= {"price_data": {"currency": currency.lower(), "product": product, "unit_amount": amount}, "quantity": 1}
    else:
        item["amount"] = amount
    if line.service_start and line.service_end:
        start, end = int(line.service_start.timestamp()), int(line.service_end.timestamp())
        item["period"] = {"start": start, "end": max(start, end)}
    digest = derived_id("stripe item", *_flat(item))
    item["metadata"][DIGEST_KEY] = digest
    return Item(line.id, amount, item, digest)


def _drawn_together(lines: Sequence[InvoiceLine]) -> list[InvoiceLine]:
    """One line for all of a kind and product, over all of their service periods."""
    groups: dict[tuple[str, Product | None], list[InvoiceLine]] = {}
    for line in lines:
        groups.setdefault((line.kind, line.product), []).append(line)
    return [_one_of(kind, product, group) for (kind, product), group in groups.items()]


def _one_of(kind: str, product: Product | None, group: Sequence[InvoiceLine]) -> InvoiceLine:
    if len(group) == 1:
        return group[0]
    starts = [line.service_start for line in group if line.service_start]
    ends = [line.service_end for line in group if line.service_end]
    return InvoiceLine(
        id=derived_id("lines together", kind, product.id if product else ""),
        kind=kind,
        description=f"{product.name if product else kind}: {len(group)} line items",
        quantity=Decimal(len(group)),
        unit="line items",
        unit_price=Decimal(0),
        amount=sum_of(line.amount for line in group),
        product=product,
        service_start=min(starts, default=None),
        service_end=max(ends, default=None),
    )


def _last_day(invoice: Invoice) -> date:
    return date.fromordinal(max(invoice.period_end.toordinal() - 1, invoice.period_start.toordinal()))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _country(text: str | None) -> str | None:
    """Stripe takes a country by its two letters alone; what else an address says is left out."""
    return text.upper() if text and len(text) == 2 and text.isascii() and text.isalpha() else None  # noqa: PLR2004 - ISO 3166-1


def _cut(text: str | None, longest: int) -> str | None:
    return text[:longest] if text else None


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[str]:
    texts = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            texts += _flat(value, f"{prefix}{name}.")
        else:
            texts.append(f"{prefix}{name}={value}")
    return texts

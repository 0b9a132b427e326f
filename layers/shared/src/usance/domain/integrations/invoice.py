"""A bill as an invoice of an external system (platform.md 10.6): exact amounts in one currency, credits below 0."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from usance.domain.kernel.quantity import ZERO

APPROVED: Final = "APPROVED"


@dataclass(frozen=True, slots=True)
class Product:
    """The product that a line is booked under: its accounting product where it has one."""

    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line. `amount` is in the invoice's currency, below 0 for a credit.

    `unit_price` is in the currency of the line's pricing and unrounded: `quantity × unit_price` need not be `amount`.
    `service_end` is the first instant after the service period.
    """

    id: str
    kind: str  # the API's lineItemType
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    product: Product | None = None
    service_start: datetime | None = None
    service_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill. `total` is the sum of its lines' amounts; `period_end` is the first day after its period.

    `life` tells a bill from one that is calculated anew for the same period, under the same id, after it was deleted;
    `revision` grows with every change of the bill. The invoice of a bill that is gone has no lines.
    """

    bill_id: str
    life: str
    revision: int
    account_id: str
    account_code: str
    number: str | None
    reference: str | None  # the bill's externalInvoiceReference
    currency: str
    bill_date: date
    due_date: date
    invoice_date: date
    period_start: date
    period_end: date
    total: Decimal
    lines: Sequence[InvoiceLine]
    purchase_order_number: str | None = None
    approved: bool = False


def life_of(bill: Mapping[str, Any]) -> str:
    """What tells a bill from another of the same id, which was deleted before it or is calculated after it."""
    return str(bill.get("createdDate") or bill.get("dtCreated") or "")


def invoice_of(bill: Mapping[str, Any], line_items: Sequence[Mapping[str, Any]] = ()) -> Invoice:
    """The invoice of a bill, as its header and line items are stored."""
    bill_date = date.fromisoformat(bill["billDate"])
    return Invoice(
        bill_id=bill["id"],
        life=life_of(bill),
        revision=int(bill["version"]),
        account_id=bill["accountId"],
        account_code=bill.get("accountCode") or "",
        number=bill.get("sequentialInvoiceNumber"),
        reference=bill.get("externalInvoiceReference"),
        currency=bill["currency"],
        bill_date=bill_date,
        due_date=_day(bill, "dueDate") or bill_date,
        invoice_date=_day(bill, "externalInvoiceDate") or bill_date,
        period_start=date.fromisoformat(bill["startDate"]),
        period_end=date.fromisoformat(bill["endDate"]),
        total=bill["billTotal"],
        lines=tuple(_line(item) for item in line_items),
        purchase_order_number=bill.get("purchaseOrderNumber"),
        approved=bill["status"] == APPROVED,
    )


def _line(item: Mapping[str, Any]) -> InvoiceLine:
    return InvoiceLine(
        id=item["id"],
        kind=item["lineItemType"],
        description=item["description"],
        quantity=item.get("quantity", ZERO),
        unit=item.get("unit") or "",
        unit_price=item.get("averageUnitPrice", ZERO),
        amount=item["convertedSubtotal"],
        product=_product(item, "accountingProduct") or _product(item, "product"),
        service_start=_instant(item, "servicePeriodStartDate"),
        service_end=_instant(item, "servicePeriodEndDate"),
    )


def _product(item: Mapping[str, Any], prefix: str) -> Product | None:
    id_ = item.get(f"{prefix}Id")
    if not id_:
        return None
    return Product(id_, item.get(f"{prefix}Code") or "", item.get(f"{prefix}Name") or "")


def _day(bill: Mapping[str, Any], name: str) -> date | None:
    text = bill.get(name)
    return date.fromisoformat(text) if text else None


def _instant(item: Mapping[str, Any], name: str) -> datetime | None:
    text = item.get(name)
    if not text:
        return None
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)

"""A bill becomes an invoice without losing a digit."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from usance.domain.integrations.invoice import Product, invoice_of

BILL: dict[str, Any] = {
    "id": "bill",
    "version": 3,
    "accountId": "account",
    "accountCode": "acme",
    "currency": "USD",
    "billDate": "2026-02-01",
    "dueDate": "2026-03-03",
    "externalInvoiceDate": "2026-02-02",
    "startDate": "2026-01-01",
    "endDate": "2026-02-01",
    "billTotal": Decimal("12.30"),
    "status": "PENDING",
    "createdDate": "2026-02-01T00:00:05Z",
    "sequentialInvoiceNumber": "INV-7",
    "purchaseOrderNumber": "PO 1",
}
LINE: dict[str, Any] = {
    "id": "line",
    "lineItemType": "USAGE",
    "description": "API calls",
    "quantity": Decimal(1230),
    "unit": "call",
    "units": Decimal(1230),
    "averageUnitPrice": Decimal("0.01"),
    "subtotal": Decimal("12.300"),
    "convertedSubtotal": Decimal("12.30"),
    "servicePeriodStartDate": "2026-01-01T00:00:00Z",
    "servicePeriodEndDate": "2026-02-01T00:00:00Z",
    "productId": "product",
    "productCode": "api",
    "productName": "API",
}


def test_an_invoice_has_the_dates_numbers_and_total_of_its_bill() -> None:
    invoice = invoice_of(BILL, [LINE])
    assert (invoice.bill_date, invoice.due_date, invoice.invoice_date) == (
        date(2026, 2, 1),
        date(2026, 3, 3),
        date(2026, 2, 2),
    )
    assert (invoice.number, invoice.purchase_order_number, invoice.total) == ("INV-7", "PO 1", Decimal("12.30"))
    assert (invoice.period_start, invoice.period_end, invoice.revision) == (date(2026, 1, 1), date(2026, 2, 1), 3)
    assert not invoice.approved
    assert invoice_of({**BILL, "status": "APPROVED"}).approved


def test_a_line_has_the_amount_in_the_currency_of_the_bill_and_its_service_period() -> None:
    (line,) = invoice_of(BILL, [{**LINE, "subtotal": Decimal(9), "currency": "EUR"}]).lines
    assert (line.amount, line.quantity, line.unit_price) == (Decimal("12.30"), Decimal(1230), Decimal("0.01"))
    assert (line.service_start, line.service_end) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )


def test_a_line_is_booked_under_its_accounting_product_where_it_has_one() -> None:
    booked = {"accountingProductId": "books", "accountingProductCode": "b", "accountingProductName": "Books"}
    assert invoice_of(BILL, [LINE]).lines[0].product == Product("product", "api", "API")
    assert invoice_of(BILL, [{**LINE, **booked}]).lines[0].product == Product("books", "b", "Books")


def test_a_bill_without_due_and_invoice_dates_has_its_own() -> None:
    bare = {name: value for name, value in BILL.items() if name not in {"dueDate", "externalInvoiceDate"}}
    invoice = invoice_of(bare)
    assert invoice.due_date == invoice.invoice_date == invoice.bill_date

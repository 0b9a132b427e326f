"""A bill in Xero's words."""

from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.invoices import invoice, known, line
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.integrations.xero import invoice_document
from usance.domain.notifications.delivery import Fault

OPTIONS = {"accountCode": "200"}


def lines_of(bill: Invoice, options: dict[str, Any] | None = None, **tables: str) -> list[dict[str, Any]]:
    document = invoice_document(bill, options or OPTIONS, known(Contact="c", **tables))
    lines: list[dict[str, Any]] = document["LineItems"]
    return lines


def test_a_line_says_what_when_and_how_much() -> None:
    assert lines_of(invoice(line("12.30")))[0] == {
        "Description": "API calls (2026-01-01 to 2026-01-31, 1230 call)",
        "Quantity": Decimal(1),
        "UnitAmount": Decimal("12.30"),
        "LineAmount": Decimal("12.30"),
        "AccountCode": "200",
    }


def test_a_credit_is_a_line_below_0() -> None:
    assert [one["LineAmount"] for one in lines_of(invoice())] == [Decimal("12.30"), Decimal("-2.30")]


def test_lines_of_finer_amounts_still_add_up_to_the_total() -> None:
    amounts = [one["LineAmount"] for one in lines_of(invoice(*[line("0.3333", str(n)) for n in range(3)]))]
    assert amounts == [Decimal("0.34"), Decimal("0.33"), Decimal("0.33")]


def test_products_are_items_where_they_are_mapped_and_tax_is_said_where_it_is_set() -> None:
    written = lines_of(invoice(line("1.00")), OPTIONS | {"taxType": "OUTPUT2"}, Item="API")[0]
    assert (written["ItemCode"], written["TaxType"]) == ("API", "OUTPUT2")


def test_a_purchase_order_stands_above_the_lines() -> None:
    assert lines_of(invoice(purchase_order_number="PO 1"))[0] == {"Description": "Purchase order PO 1"}


def test_xero_numbers_invoices_itself_when_asked_to() -> None:
    document = invoice_document(invoice(), OPTIONS | {"useBillNumber": False}, known(Contact="c"))
    assert "InvoiceNumber" not in document


@pytest.mark.parametrize(
    ("bill", "options", "message"),
    [
        (invoice(line("-1.00")), OPTIONS, "below 0"),
        (invoice(lines=(), total=Decimal(0)), OPTIONS, "no line items"),
        (invoice(), {}, "accountCode"),
        (invoice(), {"accountCode": 200}, "accountCode must be a text"),
        (invoice(), OPTIONS | {"lineAmountTypes": "Gross"}, "Exclusive, Inclusive, NoTax"),
        (invoice(), OPTIONS | {"useBillNumber": "no"}, "true or false"),
    ],
)
def test_what_xero_would_refuse_is_refused_with_what_to_do(
    bill: Invoice, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConnectorError, match=message) as refused:
        invoice_document(bill, options, known(Contact="c"))
    assert refused.value.fault is Fault.PAYLOAD_REFUSED

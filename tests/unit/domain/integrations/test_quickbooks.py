"""A bill in QuickBooks' words."""

from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.invoices import CREDIT, invoice, known, line
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.integrations.quickbooks import invoice_document, numbers
from usance.domain.notifications.delivery import Fault

IDS = known(Customer="c", Item="7")


def test_a_line_is_its_products_item() -> None:
    assert invoice_document(invoice(line("12.30")), {"taxCode": "NON"}, IDS)["Line"] == [
        {
            "DetailType": "SalesItemLineDetail",
            "Amount": Decimal("12.30"),
            "Description": "API calls (2026-01-01 to 2026-01-31, 1230 call)",
            "SalesItemLineDetail": {
                "ItemRef": {"value": "7"},
                "Qty": Decimal(1),
                "UnitPrice": Decimal("12.30"),
                "ServiceDate": "2026-01-01",
                "TaxCodeRef": {"value": "NON"},
            },
        }
    ]


def test_a_line_without_a_product_is_the_default_item() -> None:
    lines = invoice_document(invoice(line("12.30"), CREDIT), {"defaultItemId": "1"}, IDS)["Line"]
    assert [one["SalesItemLineDetail"]["ItemRef"]["value"] for one in lines] == ["7", "1"]
    assert [one["Amount"] for one in lines] == [Decimal("12.30"), Decimal("-2.30")]


def test_amounts_of_a_currency_without_decimals_have_none() -> None:
    yen = invoice(*[line("0.5", str(n)) for n in range(3)], currency="JPY")
    assert [one["Amount"] for one in invoice_document(yen, {}, IDS)["Line"]] == [1, 1, 0]


def test_a_purchase_order_and_taxes_of_other_countries_are_said() -> None:
    document = invoice_document(
        invoice(line("1.00"), purchase_order_number="PO 1"), {"globalTaxCalculation": "TaxInclusive"}, IDS
    )
    assert document["CustomerMemo"] == {"value": "Purchase order PO 1"}
    assert document["GlobalTaxCalculation"] == "TaxInclusive"


def test_an_invoice_has_a_number_of_our_own_until_the_bill_has_one() -> None:
    own = numbers(invoice(number=None), {})[0]
    assert own.startswith("U-")
    assert len(own) <= 21
    assert numbers(invoice(), {}) == ("INV-7", own)
    assert numbers(invoice(), {"useBillNumber": False}) == (own,)


@pytest.mark.parametrize(
    ("bill", "options", "message"),
    [
        (invoice(line("-1.00")), {}, "below 0"),
        (invoice(lines=(), total=Decimal(0)), {}, "no line items"),
        (invoice(CREDIT, line("9.00")), {}, "line item Credit has no item"),
        (invoice(line("1.00"), number="N" * 22), {}, "useBillNumber"),
        (invoice(line("1.00")), {"globalTaxCalculation": "None"}, "globalTaxCalculation must be one of"),
    ],
)
def test_what_quickbooks_would_refuse_is_refused_with_what_to_do(
    bill: Invoice, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConnectorError, match=message) as refused:
        invoice_document(bill, options, IDS)
    assert refused.value.fault is Fault.PAYLOAD_REFUSED


def test_a_product_without_an_item_is_named() -> None:
    with pytest.raises(ConnectorError, match=r"product p1 \(API\) has no item"):
        invoice_document(invoice(line("1.00")), {}, known(Customer="c"))

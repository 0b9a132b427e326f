"""A bill in Paddle's words."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.invoices import CREDIT, invoice, known, line
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.integrations.paddle import transaction_document
from usance.domain.notifications.delivery import Fault

IDS = known(Customer="ctm_1")


def document(bill: Invoice, options: dict[str, Any] | None = None, ids: ExternalIds = IDS) -> dict[str, Any]:
    written = transaction_document(bill, options or {}, ids, "add_1")
    assert written
    return written


def amounts(bill: Invoice) -> list[str]:
    return [item["price"]["unit_price"]["amount"] for item in document(bill)["items"]]


def test_a_bill_is_a_manually_collected_transaction() -> None:
    written = document(invoice(line("12.30"), purchase_order_number="PO 1"))
    assert written | {"custom_data": None} == {
        "customer_id": "ctm_1",
        "address_id": "add_1",
        "currency_code": "USD",
        "collection_mode": "manual",
        "billing_details": {
            "enable_checkout": False,
            "payment_terms": {"interval": "day", "frequency": 30},
            "additional_information": "INV-7, 2026-01-01 to before 2026-02-01",
            "purchase_order_number": "PO 1",
        },
        "items": [
            {
                "quantity": 1,
                "price": {
                    "name": "API calls (2026-01-01 to 2026-01-31, 1230 call)",
                    "description": "API calls (2026-01-01 to 2026-01-31, 1230 call)",
                    "unit_price": {"amount": "1230", "currency_code": "USD"},
                    "tax_mode": "account_setting",
                    "quantity": {"minimum": 1, "maximum": 1},
                    "product": {"name": "API", "tax_category": "standard"},
                },
            }
        ],
        "custom_data": None,
    }


def test_credits_lower_the_charges_in_proportion_and_the_line_says_so() -> None:
    bill = invoice(line("10.00", "Calls"), line("5.00", "Storage"), line("-1.00", "Credit"))
    assert amounts(bill) == ["933", "467"]
    assert document(bill)["items"][0]["price"]["name"].endswith(", 10.00 less credits")


def test_a_long_name_keeps_the_words_about_credits() -> None:
    name = document(invoice(line("12.30", "x" * 300), CREDIT))["items"][0]["price"]["name"]
    assert len(name) == 150
    assert name.endswith("…, 12.30 less credits")


def test_lines_of_finer_amounts_still_add_up_to_the_total() -> None:
    assert amounts(invoice(*[line("0.3333", str(n)) for n in range(3)])) == ["34", "33", "33"]


def test_a_product_that_is_mapped_is_paddles_and_tax_is_as_set() -> None:
    mapped = ExternalIds((*IDS.known, ExternalId("Product", "p1", "Product", "pro_1")))
    options = {"taxMode": "external", "taxCategory": "saas"}
    items = document(invoice(line("1.00"), line("1.00", "Extra", product=None)), options, mapped)["items"]
    assert items[0]["price"]["product_id"] == "pro_1"
    assert items[1]["price"]["product"] == {"name": "Extra", "tax_category": "saas"}
    assert items[0]["price"]["tax_mode"] == "external"


@pytest.mark.parametrize("lines", [[line("0.00")], [line("5.00"), line("-5.00", "Credit")]])
def test_a_bill_of_nothing_is_no_transaction(lines: list[Any]) -> None:
    assert transaction_document(invoice(*lines), {}, IDS, "add_1") is None


def test_what_is_due_at_once_has_a_day() -> None:
    due = document(invoice(line("1.00"), number=None, due_date=date(2026, 2, 1)))
    assert due["billing_details"]["payment_terms"]["frequency"] == 1
    assert due["billing_details"]["additional_information"] == "2026-01-01 to before 2026-02-01"


@pytest.mark.parametrize(
    ("bill", "options", "message"),
    [
        (invoice(line("-1.00")), {}, "below 0"),
        (invoice(lines=(), total=Decimal(0)), {}, "no line items"),
        (invoice(), {"credits": "REFUSE"}, r"has credits \(Credit\); set configData\.credits to SPREAD"),
        (invoice(), {"credits": "KEEP"}, "SPREAD, REFUSE"),
    ],
)
def test_what_paddle_would_refuse_is_refused_with_what_to_do(
    bill: Invoice, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConnectorError, match=message) as error:
        transaction_document(bill, options, IDS, "add_1")
    assert error.value.fault is Fault.PAYLOAD_REFUSED

"""What Stripe is told of a bill."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import invoice_of
from usance.domain.integrations.stripe import (
    ITEMS_MAX,
    customer_of,
    digest_of,
    draft_of,
    header_of,
    items_of,
    minor_units,
    search_of,
)
from usance.domain.notifications.delivery import Fault

NOW = datetime(2026, 2, 10, tzinfo=UTC)
NOTHING = ExternalIds()


def line(number: int, amount: str, **more: Any) -> dict[str, Any]:
    return {**LINE, "id": f"line-{number}", "convertedSubtotal": Decimal(amount), **more}


@pytest.mark.parametrize(
    ("currency", "amount", "units"),
    [
        ("USD", "12.30", 1230),
        ("usd", "0.005", 1),
        ("JPY", "500", 500),
        ("JPY", "500.4", 500),
        ("ISK", "500", 50_000),
        ("UGX", "7.6", 800),
        ("KWD", "1.234", 1230),
        ("USD", "-2.30", -230),
    ],
)
def test_amounts_are_in_the_units_of_stripe(currency: str, amount: str, units: int) -> None:
    assert minor_units(currency, [Decimal(amount)]) == [units]


def test_items_add_up_to_the_total_of_the_bill_where_lines_have_more_digits() -> None:
    lines = [line(number, "0.3333") for number in range(3)]
    items = items_of(invoice_of(BILL, lines), NOTHING)
    assert sum(item.amount for item in items) == 100


def test_lines_of_nothing_are_left_out() -> None:
    assert [item.line_id for item in items_of(invoice_of(BILL, [line(1, "0.00"), line(2, "1")]), NOTHING)] == ["line-2"]


def test_more_lines_than_an_invoice_holds_are_drawn_together_by_product_and_kind() -> None:
    lines = [line(number, "1.01", productId=f"p{number % 2}") for number in range(ITEMS_MAX + 1)]
    late = {"lineItemType": "CREDIT_MEMO", "servicePeriodEndDate": "2026-03-01T00:00:00Z"}
    items = items_of(invoice_of(BILL, [*lines, line(999, "-1", **late)]), NOTHING)
    assert [(item.document["description"], item.amount) for item in items] == [
        ("API: 126 line items", 12_726),
        ("API: 125 line items", 12_625),
        ("API calls", -100),
    ]
    assert items[0].document["period"] == {"start": 1767225600, "end": 1769904000}


def test_a_bill_of_too_many_products_is_refused() -> None:
    lines = [line(number, "1", productId=f"p{number}") for number in range(ITEMS_MAX + 1)]
    with pytest.raises(ConnectorError, match="251") as raised:
        items_of(invoice_of(BILL, lines), NOTHING)
    assert raised.value.fault is Fault.PAYLOAD_REFUSED


def test_the_digest_changes_with_what_the_customer_sees_and_with_nothing_else() -> None:
    def digest(*lines: dict[str, Any], known: ExternalIds = NOTHING, **bill: Any) -> str:
        invoice = invoice_of({**BILL, **bill}, lines)
        return digest_of(invoice, items_of(invoice, known))

    first = digest(LINE)
    assert digest(LINE, version=9, status="APPROVED") == first
    assert digest({**LINE, "description": "Calls"}) != first
    assert digest({**LINE, "convertedSubtotal": Decimal("12.31")}) != first
    assert digest(LINE, dueDate="2026-04-01") != first
    assert digest(LINE, known=ExternalIds((ExternalId("Product", "product", "Product", "prod_1"),))) != first


@pytest.mark.parametrize(
    ("due", "told"),
    [("2026-03-03", {"due_date": 1772582399}), ("2026-02-09", {"days_until_due": 0})],
)
def test_a_due_date_that_is_past_is_due_at_once(due: str, told: dict[str, int]) -> None:
    header = header_of(invoice_of({**BILL, "dueDate": due}), {}, NOW)
    assert {name: header[name] for name in ("due_date", "days_until_due") if name in header} == told


def test_an_invoice_that_is_charged_has_no_due_date() -> None:
    header = header_of(invoice_of(BILL), {"collectionMethod": "charge_automatically"}, NOW)
    assert not {"due_date", "days_until_due"} & set(header)


def test_the_invoice_date_is_told_once_it_has_come() -> None:
    assert header_of(invoice_of(BILL), {}, NOW)["effective_at"] == 1769990400
    assert header_of(invoice_of({**BILL, "externalInvoiceDate": "2026-02-11"}), {}, NOW)["effective_at"] == ""


def test_the_billing_period_ends_on_its_last_day() -> None:
    fields = {one["name"]: one["value"] for one in header_of(invoice_of(BILL), {}, NOW)["custom_fields"]}
    assert fields == {"Purchase order": "PO 1", "Bill": "INV-7", "Billing period": "2026-01-01 to 2026-01-31"}


def test_a_collection_method_that_stripe_does_not_have_is_refused() -> None:
    with pytest.raises(ConnectorError, match="collectionMethod"):
        draft_of(invoice_of(BILL), "cus_1", {"collectionMethod": "barter"})


def test_an_address_becomes_one_of_stripe() -> None:
    address = {
        "addressLine1": "1 Road",
        "addressLine2": "Floor 2",
        "addressLine4": "Door 3",
        "locality": "Leeds",
        "postCode": "LS1",
        "country": "gb",
    }
    customer = customer_of({"id": "a", "name": "n" * 300, "emailAddress": "a@b.example", "address": address})
    assert customer["address"] == {
        "line1": "1 Road",
        "line2": "Floor 2, Door 3",
        "city": "Leeds",
        "postal_code": "LS1",
        "country": "GB",
    }
    assert len(customer["name"]) == 256


def test_a_country_that_is_written_out_is_left_out() -> None:
    assert "address" not in customer_of({"id": "a", "address": {"country": "United Kingdom"}})


def test_an_invoice_that_nobody_recorded_is_looked_for_since_the_bill_was_there() -> None:
    since = {"customer": "cus_1", "created": {"gte": 1769904005 - 3600}}
    assert search_of(invoice_of(BILL), "cus_1") == since
    assert search_of(invoice_of({**BILL, "createdDate": "2026-02-01T00:00:05"}), "cus_1") == since
    assert search_of(invoice_of({**BILL, "createdDate": "who knows"}), "cus_1") == {"customer": "cus_1"}

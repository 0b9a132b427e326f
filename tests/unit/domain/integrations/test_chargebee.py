"""A bill in Chargebee's words."""

from datetime import date
from decimal import Decimal

import pytest

from tests.fakes.invoices import BILL_ID, CREDIT, invoice, known, line
from usance.domain.integrations.chargebee import invoice_fields
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.notifications.delivery import Fault

IDS = known(Customer="c1")


def test_a_line_is_a_charge_in_the_smallest_unit_and_credits_are_one_discount() -> None:
    fields = invoice_fields(invoice(line("12.30"), CREDIT, CREDIT), {}, IDS)
    note = dict(fields)["invoice_note"]
    assert note.startswith(f"Bill {BILL_ID}/")
    assert fields == [
        ("customer_id", "c1"),
        ("currency_code", "USD"),
        ("charges[amount][0]", "1230"),
        ("charges[description][0]", "API calls (2026-01-01 to 2026-01-31, 1230 call)"),
        ("charges[date_from][0]", "1767225600"),
        ("charges[date_to][0]", "1769904000"),
        ("discounts[apply_on][0]", "invoice_amount"),
        ("discounts[amount][0]", "460"),
        ("invoice_note", note),
    ]


def test_a_product_that_is_mapped_is_its_item_price() -> None:
    mapped = ExternalIds((*IDS.known, ExternalId("Product", "p1", "ItemPrice", "api-usd")))
    fields = dict(invoice_fields(invoice(line("12.30"), line("1.00", "Extra", product=None)), {}, mapped))
    assert fields["item_prices[item_price_id][0]"] == "api-usd"
    assert (fields["item_prices[quantity][0]"], fields["item_prices[unit_price][0]"]) == ("1", "1230")
    assert fields["charges[amount][0]"] == "100"


def test_lines_of_nothing_are_left_out_and_places_are_the_currencys() -> None:
    yen = dict(invoice_fields(invoice(line("0"), line("1230"), currency="JPY"), {}, IDS))
    assert yen["charges[amount][0]"] == "1230"
    assert "charges[amount][1]" not in yen


def test_lines_of_finer_amounts_still_add_up_to_the_total() -> None:
    fields = dict(invoice_fields(invoice(*[line("0.3333", str(n)) for n in range(3)]), {}, IDS))
    assert [fields[f"charges[amount][{at}]"] for at in range(3)] == ["34", "33", "33"]


def test_dates_purchase_order_and_collection_are_sent_where_they_are_wanted() -> None:
    options = {"useBillDates": True, "autoCollection": "off"}
    fields = dict(invoice_fields(invoice(line("1.00"), purchase_order_number="PO 1"), options, IDS))
    assert (fields["invoice_date"], fields["net_term_days"]) == ("1769947200", "30")
    assert (fields["po_number"], fields["auto_collection"]) == ("PO 1", "off")


def test_a_bill_that_is_due_before_its_date_is_due_at_once() -> None:
    fields = invoice_fields(invoice(line("1.00"), due_date=date(2026, 1, 1)), {"useBillDates": True}, IDS)
    assert dict(fields)["net_term_days"] == "0"


@pytest.mark.parametrize(
    ("bill", "message"),
    [(invoice(line("-1.00")), "below 0"), (invoice(lines=(), total=Decimal(0)), "no line items")],
)
def test_what_chargebee_would_refuse_is_refused_with_what_to_do(bill: Invoice, message: str) -> None:
    with pytest.raises(ConnectorError, match=message) as error:
        invoice_fields(bill, {}, IDS)
    assert error.value.fault is Fault.PAYLOAD_REFUSED

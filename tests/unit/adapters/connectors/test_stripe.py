"""A bill becomes an invoice of Stripe once, whatever happens on the way."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeMemory
from tests.fakes.stripe import KEY, FakeStripe
from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.adapters.connectors.stripe import StripeConnector
from usance.application.ports.connectors import BillJob, Connection, Outside, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import invoice_of
from usance.domain.notifications.delivery import Fault

ACCOUNT = {"id": "account", "code": "acme", "name": "Acme", "emailAddress": "billing@acme.example"}
CREDIT = {**LINE, "id": "credit", "description": "Refund", "convertedSubtotal": Decimal("-2.30")}


@dataclass
class Desk:
    """Stripe, and what Usance remembers of it."""

    stripe: FakeStripe = field(default_factory=FakeStripe)
    memory: FakeMemory = field(default_factory=FakeMemory)
    options: dict[str, Any] = field(default_factory=dict)
    known: tuple[ExternalId, ...] = ()
    key: str = KEY

    def job(self, *lines: dict[str, Any], **bill: Any) -> BillJob:
        total = sum((line["convertedSubtotal"] for line in lines), Decimal(0))
        invoice = invoice_of({**BILL, "billTotal": total, **bill}, lines)
        remembered = tuple(external for _, external in self.memory.external_ids)
        return BillJob(
            connection=Connection("org", "configuration", "STRIPE", self.options, {"apiKey": self.key}),
            invoice=invoice,
            account=ACCOUNT,
            known=ExternalIds((*remembered, *self.known)),
            external_id=self.memory.invoices.get(("configuration", "bill")),
            idempotency_key=f"key-of-bill-{invoice.life}",
        )

    def connector(self) -> StripeConnector:
        return StripeConnector(Outside(self.stripe, self.memory, FrozenClock()))

    def send(self, *lines: dict[str, Any], **bill: Any) -> Sent:
        job = self.job(*lines, **bill)
        sent = self.connector().send(job)
        self.memory.keep_invoice(job.connection, job.invoice, sent.external_id)
        return sent

    def fault(self, *lines: dict[str, Any], **bill: Any) -> ConnectorError:
        with pytest.raises(ConnectorError) as raised:
            self.send(*lines, **bill)
        return raised.value


@pytest.fixture
def desk() -> Desk:
    return Desk()


def described(desk: Desk, id_: str) -> list[tuple[str, int]]:
    return [(item["description"], item["amount"]) for item in desk.stripe.items.values() if item["invoice"] == id_]


def test_a_bill_becomes_a_draft_with_an_item_for_each_line_and_a_customer_for_its_account(desk: Desk) -> None:
    sent = desk.send(LINE, CREDIT)
    invoice = desk.stripe.invoices[sent.external_id]
    assert described(desk, sent.external_id) == [("API calls", 1230), ("Refund", -230)]
    assert (invoice["status"], invoice["currency"], invoice["collection_method"]) == ("draft", "usd", "send_invoice")
    assert invoice["auto_advance"] == "false"
    assert {"name": "Purchase order", "value": "PO 1"} in invoice["custom_fields"]
    assert sent.url == f"https://dashboard.stripe.com/test/invoices/{sent.external_id}"
    [customer] = desk.stripe.customers.values()
    assert (customer["name"], customer["email"]) == ("Acme", "billing@acme.example")
    assert desk.memory.external_ids == [("configuration", ExternalId("Account", "account", "Customer", customer["id"]))]


def test_the_same_bill_again_changes_nothing(desk: Desk) -> None:
    first = desk.send(LINE, CREDIT)
    assert desk.send(LINE, CREDIT) == first
    assert (len(desk.stripe.customers), len(desk.stripe.invoices), len(desk.stripe.items)) == (1, 1, 2)


def test_a_recalculated_bill_updates_its_draft(desk: Desk) -> None:
    desk.stripe.page = 1  # items come page by page
    first = desk.send(LINE, CREDIT)
    more = {**LINE, "convertedSubtotal": Decimal("20.00")}
    new = {**LINE, "id": "other", "description": "Storage", "convertedSubtotal": Decimal("1.05")}
    again = desk.send(more, new, version=4, purchaseOrderNumber=None)
    assert again == first
    assert sorted(described(desk, first.external_id)) == [("API calls", 2000), ("Storage", 105)]
    fields = desk.stripe.invoices[first.external_id]["custom_fields"]
    assert "Purchase order" not in {one["name"] for one in fields}


def test_a_line_that_goes_and_comes_back_is_there_again(desk: Desk) -> None:
    sent = desk.send(LINE, CREDIT)
    desk.send(LINE, version=4)
    desk.send(LINE, CREDIT, version=5)
    assert desk.stripe.total(sent.external_id) == 1000


def test_an_item_that_was_changed_by_hand_says_what_the_bill_says_again(desk: Desk) -> None:
    sent = desk.send(LINE)
    next(iter(desk.stripe.items.values()))["amount"] = 7
    desk.send(LINE, version=4)
    assert desk.stripe.total(sent.external_id) == 1230


def test_approval_finalises_the_invoice_and_repeating_it_does_nothing(desk: Desk) -> None:
    draft = desk.send(LINE)
    final = desk.send(LINE, version=4, status="APPROVED")
    assert final == draft
    assert desk.stripe.invoices[draft.external_id]["status"] == "open"
    assert desk.stripe.invoices[draft.external_id]["auto_advance"] == "true"
    desk.send(LINE, version=5, status="APPROVED")
    assert [one["status"] for one in desk.stripe.invoices.values()] == ["open"]


def test_options_leave_collection_to_the_customer(desk: Desk) -> None:
    desk.options = {"autoAdvance": False, "collectionMethod": "charge_automatically"}
    sent = desk.send(LINE, status="APPROVED")
    invoice = desk.stripe.invoices[sent.external_id]
    assert (invoice["auto_advance"], invoice["collection_method"]) == ("false", "charge_automatically")
    assert "due_date" not in invoice


def test_an_open_invoice_whose_bill_changed_is_voided_and_made_anew(desk: Desk) -> None:
    first = desk.send(LINE, status="APPROVED")
    second = desk.send({**LINE, "convertedSubtotal": Decimal(9)}, version=4, status="APPROVED")
    assert desk.stripe.invoices[first.external_id]["status"] == "void"
    [open_] = desk.stripe.open_invoices()
    assert (open_["id"], desk.stripe.total(open_["id"])) == (second.external_id, 900)


def test_a_bill_that_changes_back_gets_a_third_invoice_and_not_the_voided_first(desk: Desk) -> None:
    desk.send(LINE, status="APPROVED")
    desk.send({**LINE, "convertedSubtotal": Decimal(9)}, version=4, status="APPROVED")
    third = desk.send(LINE, version=5, status="APPROVED")
    [open_] = desk.stripe.open_invoices()
    assert (open_["id"], desk.stripe.total(open_["id"])) == (third.external_id, 1230)


def test_an_invoice_that_is_paid_is_not_touched(desk: Desk) -> None:
    sent = desk.send(LINE, status="APPROVED")
    desk.stripe.invoices[sent.external_id]["status"] = "paid"
    assert desk.send(LINE, version=4, status="APPROVED") == sent
    error = desk.fault({**LINE, "convertedSubtotal": Decimal(9)}, version=5, status="APPROVED")
    assert error.fault is Fault.ALREADY_PAID
    assert desk.stripe.total(sent.external_id) == 1230


@pytest.mark.parametrize(("approved", "left"), [(False, None), (True, "void")])
def test_the_invoice_of_a_bill_that_is_gone_is_deleted_or_voided(desk: Desk, approved: bool, left: str | None) -> None:
    sent = desk.send(LINE, status="APPROVED" if approved else "PENDING")
    desk.connector().void(desk.job())
    desk.connector().void(desk.job())
    assert desk.stripe.invoices.get(sent.external_id, {}).get("status") == left


def test_a_paid_invoice_is_not_voided(desk: Desk) -> None:
    sent = desk.send(LINE, status="APPROVED")
    desk.stripe.invoices[sent.external_id]["status"] = "paid"
    with pytest.raises(ConnectorError) as raised:
        desk.connector().void(desk.job())
    assert raised.value.fault is Fault.ALREADY_PAID


def test_an_invoice_that_somebody_deleted_in_stripe_is_made_anew(desk: Desk) -> None:
    first = desk.send(LINE)
    desk.stripe.invoices.clear()
    desk.stripe.items.clear()
    second = desk.send(LINE)
    assert second != first
    assert desk.stripe.total(second.external_id) == 1230


def test_a_mapped_account_uses_its_customer_and_a_mapped_product_is_named(desk: Desk) -> None:
    desk.stripe.customers["cus_own"] = {"id": "cus_own"}
    desk.known = (
        ExternalId("Account", "account", "Customer", "cus_own"),
        ExternalId("Product", "product", "Product", "prod_1"),
    )
    sent = desk.send(LINE, CREDIT)
    assert desk.stripe.invoices[sent.external_id]["customer"] == "cus_own"
    charge, credit = desk.stripe.items.values()
    assert charge["price_data"] == {"currency": "usd", "product": "prod_1", "unit_amount": "1230"}
    assert "price_data" not in credit
    assert list(desk.stripe.customers) == ["cus_own"]


def test_a_draft_for_another_customer_is_replaced(desk: Desk) -> None:
    desk.send(LINE)
    desk.stripe.customers["cus_own"] = {"id": "cus_own"}
    desk.memory.external_ids = [("configuration", ExternalId("Account", "account", "Customer", "cus_own"))]
    sent = desk.send(LINE, version=4)
    assert [one["customer"] for one in desk.stripe.invoices.values()] == ["cus_own"]
    assert desk.stripe.total(sent.external_id) == 1230


def test_without_leave_to_make_customers_the_account_must_be_mapped(desk: Desk) -> None:
    desk.options = {"createCustomers": False}
    error = desk.fault(LINE)
    assert error.fault is Fault.ACCOUNT_NOT_MAPPED
    assert "account" in error.detail
    assert desk.stripe.seen == []


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(429, retry_after=timedelta(seconds=5), body=b'{"error":{"message":"slow"}}'), Fault.RATE_LIMITED),
        (Answer(500, body=b"<html>"), Fault.PASSING),
        (Answer(409, body=b'{"error":{"code":"idempotency_key_in_use","message":"in use"}}'), Fault.PASSING),
        (Answer(400, body=b'{"error":{"message":"no","param":"amount"}}'), Fault.PAYLOAD_REFUSED),
        (Answer(403, body=b'{"error":{"message":"no"}}'), Fault.CREDENTIALS_REFUSED),
    ],
)
def test_a_refusal_has_its_fault(desk: Desk, answer: Answer, fault: Fault) -> None:
    desk.stripe.before = lambda _method, path: answer if path == "invoices" else None
    error = desk.fault(LINE)
    assert (error.fault, error.retry_after) == (fault, answer.retry_after)
    assert f"{answer.status}" in error.detail


@pytest.mark.parametrize("key", ["sk_test_other", ""])
def test_a_wrong_or_missing_key_is_refused_and_not_shown(desk: Desk, key: str) -> None:
    desk.key = key
    error = desk.fault(LINE)
    assert error.fault is Fault.CREDENTIALS_REFUSED
    assert not key or key not in error.detail


def test_a_fault_of_the_network_is_passed_on_as_it_is(desk: Desk) -> None:
    def cut(_method: str, _path: str) -> Answer:
        raise ConnectorError(Fault.TIMEOUT, "")

    desk.stripe.before = cut
    assert desk.fault(LINE).fault is Fault.TIMEOUT


@pytest.mark.parametrize("answered", [False, True])
def test_an_attempt_that_is_cut_off_at_any_request_is_completed_by_the_next(answered: bool) -> None:
    """`answered`: Stripe did what was asked, and the answer was lost."""
    whole = Desk()
    whole.send(LINE, CREDIT, status="APPROVED")
    for at in range(1, len(whole.stripe.seen) + 1):
        desk = Desk()
        lost = [at]

        def cut(method: str, path: str, desk: Desk = desk, lost: list[int] = lost) -> None:
            if len(desk.stripe.seen) in lost:
                lost.clear()
                raise ConnectorError(Fault.TIMEOUT, "")

        if answered:
            desk.stripe = _Losing(lost_at=at)
        else:
            desk.stripe.before = cut
        desk.fault(LINE, CREDIT, status="APPROVED")
        sent = desk.send(LINE, CREDIT, status="APPROVED")
        [invoice] = desk.stripe.invoices.values()
        assert (invoice["id"], invoice["status"]) == (sent.external_id, "open"), at
        assert described(desk, sent.external_id) == [("API calls", 1230), ("Refund", -230)], at
        assert len(desk.stripe.customers) == 1, at


@dataclass
class _Losing(FakeStripe):
    """Loses the answer to one request."""

    lost_at: int = 0

    def request(self, *request: Any) -> Answer:
        answer = super().request(*request)
        if len(self.seen) == self.lost_at:
            raise ConnectorError(Fault.TIMEOUT, "")
        return answer


def test_an_invoice_that_nobody_recorded_is_found_by_its_bill_however_long_ago_it_was_made(desk: Desk) -> None:
    first = desk.send(LINE)
    desk.stripe.forget_keys()
    desk.memory.invoices.clear()
    assert desk.send(LINE, version=4) == first
    desk.memory.invoices.clear()
    desk.connector().void(desk.job())
    assert desk.stripe.invoices == {}


def test_the_invoice_of_a_bill_that_was_there_before_under_the_same_id_is_left_alone(desk: Desk) -> None:
    first = desk.send(LINE, status="APPROVED")
    desk.stripe.invoices[first.external_id]["status"] = "paid"
    desk.memory.invoices.clear()
    second = desk.send(LINE, createdDate="2026-02-05T00:00:00Z")
    assert second != first
    assert desk.stripe.invoices[first.external_id]["status"] == "paid"


def test_an_invoice_of_a_currency_without_decimals_is_in_whole_units(desk: Desk) -> None:
    sent = desk.send({**LINE, "convertedSubtotal": Decimal(500)}, currency="JPY")
    assert desk.stripe.total(sent.external_id) == 500


def test_requests_go_out_for_the_connected_account(desk: Desk) -> None:
    desk.options = {"stripeAccount": "acct_1"}
    assert desk.send(LINE).url == "https://dashboard.stripe.com/acct_1/test/invoices/in_2"


def test_an_item_that_somebody_changed_or_took_away_is_made_again_as_often_as_that_happens(desk: Desk) -> None:
    id_ = desk.send(LINE, CREDIT).external_id
    for amount in (1, 2, None):
        item = next(item for item in desk.stripe.items.values() if item["amount"] > 0)
        if amount is None:
            del desk.stripe.items[item["id"]]
        else:
            item["amount"] = amount
        assert desk.send(LINE, CREDIT).external_id == id_
        assert desk.stripe.total(id_) == 1000

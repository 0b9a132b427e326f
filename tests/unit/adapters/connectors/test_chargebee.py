"""Bills at Chargebee: one invoice a bill, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.chargebee import FakeChargebee, refused
from tests.fakes.connectors import FakeHttpClient, answer
from tests.fakes.invoices import connection, invoice, job, known, line, outside
from usance.adapters.connectors.chargebee import ChargebeeConnector
from usance.application.ports.connectors import BillJob, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.notifications.delivery import Fault

CHARGEBEE = connection("CHARGEBEE", {}, {"type": "CHARGEBEE_AUTH", "site": "acme-test", "apiKey": "key"})
IDS = known(Customer="c1")
APPROVED = invoice(approved=True)


def sent(site: FakeChargebee, bill: Invoice, external_id: str | None = None, **changed: Any) -> Sent | None:
    return ChargebeeConnector(outside(FakeHttpClient(site))).send(asked_for(bill, external_id, **changed))


def asked_for(bill: Invoice, external_id: str | None = None, **changed: Any) -> BillJob:
    return replace(job(bill, CHARGEBEE, IDS, external_id=external_id), **changed)


def voided(site: FakeChargebee, bill: Invoice, external_id: str | None) -> None:
    gone = replace(bill, lines=(), total=Decimal(0))
    ChargebeeConnector(outside(FakeHttpClient(site))).void(asked_for(gone, external_id))


def fault_of(site: FakeChargebee, bill: Invoice, external_id: str | None = None, **changed: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as error:
        sent(site, bill, external_id, **changed)
    return error.value


def statuses(site: FakeChargebee) -> list[tuple[str, int]]:
    return [(one["status"], one["total"]) for one in site.invoices.values()]


def test_a_bill_becomes_an_invoice_when_it_is_approved_and_not_before() -> None:
    site = FakeChargebee()
    assert sent(site, invoice()) is None
    assert not site.invoices
    assert sent(site, APPROVED) == Sent("cb-1", "https://acme-test.chargebee.com/d/invoices/cb-1")
    assert statuses(site) == [("payment_due", 1000)]


def test_an_invoice_that_says_what_the_bill_does_is_left_alone_even_when_it_is_paid() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    site.invoices["cb-1"] |= {"status": "paid", "amount_paid": 1000}
    again = sent(site, replace(APPROVED, revision=2), "cb-1")
    assert again
    assert again.external_id == "cb-1"
    assert len(site.invoices) == 1


def test_an_invoice_that_says_something_else_is_voided_and_made_anew() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    again = sent(site, invoice(line("20.00"), approved=True), "cb-1")
    assert again
    assert again.external_id == "cb-2"
    assert statuses(site) == [("voided", 1000), ("payment_due", 2000)]


def test_being_cut_off_between_voiding_and_making_anew_leaves_one_invoice() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    site.lost = 1
    other = invoice(line("20.00"), approved=True)
    assert fault_of(site, other, "cb-1").fault is Fault.TIMEOUT
    site.forget_keys()
    sent(site, other, "cb-1")
    assert statuses(site) == [("voided", 1000), ("payment_due", 2000)]


def test_a_bill_that_becomes_nothing_has_its_invoice_voided() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    assert sent(site, invoice(line("0.00"), approved=True), "cb-1") is None
    assert statuses(site) == [("voided", 1000)]


def test_an_invoice_of_another_amount_that_is_paid_is_not_changed() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    site.invoices["cb-1"]["amount_paid"] = 1
    assert fault_of(site, invoice(line("20.00"), approved=True), "cb-1").fault is Fault.ALREADY_PAID
    with pytest.raises(ConnectorError) as error:
        voided(site, APPROVED, "cb-1")
    assert error.value.fault is Fault.ALREADY_PAID
    assert statuses(site) == [("payment_due", 1000)]


def test_a_bill_that_is_deleted_takes_its_invoice_along() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    voided(site, APPROVED, "cb-1")
    voided(site, APPROVED, "cb-1")
    assert statuses(site) == [("voided", 1000)]


def test_an_invoice_whose_id_was_never_recorded_is_voided_too() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    voided(site, APPROVED, None)
    assert statuses(site) == [("voided", 1000)]


def test_an_answer_that_is_lost_leaves_one_invoice_even_after_chargebee_forgot_the_key() -> None:
    site = FakeChargebee(lost=1)
    assert fault_of(site, APPROVED).fault is Fault.TIMEOUT
    site.forget_keys()
    for number in range(3):  # so that the invoice is on the second page
        site.invoices[f"other-{number}"] = site.invoices["cb-1"] | {"id": f"other-{number}", "notes": []}
    found = sent(site, APPROVED)
    assert found
    assert found.external_id == "cb-1"
    assert len(site.invoices) == 4


def test_the_invoice_of_an_earlier_bill_under_the_same_id_is_left_alone() -> None:
    site = FakeChargebee()
    sent(site, APPROVED)
    sent(site, invoice(approved=True, life="2026-02-03T00:00:00Z"))
    assert statuses(site) == [("payment_due", 1000)] * 2


def test_an_account_without_a_customer_is_refused_before_anything_is_written() -> None:
    site = FakeChargebee()
    assert fault_of(site, APPROVED, known=known()).fault is Fault.ACCOUNT_NOT_MAPPED
    assert not site.invoices


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [
        (refused(401, "api_authentication_failed"), Fault.CREDENTIALS_REFUSED),
        (refused(403, "api_authorization_failed"), Fault.CREDENTIALS_REFUSED),
        (refused(404, "site_not_found"), Fault.CREDENTIALS_REFUSED),
        (refused(404, "resource_not_found", "customer_id"), Fault.ACCOUNT_NOT_MAPPED),
        (refused(404, "resource_not_found", "item_prices[item_price_id][0]"), Fault.PAYLOAD_REFUSED),
        (refused(400, "param_wrong_value", "invoice_date"), Fault.PAYLOAD_REFUSED),
        (refused(409, "invalid_state_for_request"), Fault.REFUSED),
        (answer(503), Fault.PASSING),
    ],
)
def test_a_refusal_means_what_chargebee_says(refusal: Answer, fault: Fault) -> None:
    assert fault_of(FakeChargebee(refuses=[refusal]), APPROVED).fault is fault


def test_a_limit_passes_on_when_to_ask_again() -> None:
    limited = replace(refused(429, "api_request_limit_exceeded"), retry_after=timedelta(seconds=9))
    error = fault_of(FakeChargebee(refuses=[limited]), APPROVED)
    assert (error.fault, error.retry_after) == (Fault.RATE_LIMITED, timedelta(seconds=9))


@pytest.mark.parametrize("site", ["", "evil.example/", "a@b"])
def test_a_site_that_is_no_name_is_never_asked(site: str) -> None:
    http = FakeHttpClient()
    wrong = connection("CHARGEBEE", {}, {"site": site, "apiKey": "key"})
    with pytest.raises(ConnectorError, match=r"credentials\.site"):
        ChargebeeConnector(outside(http)).send(asked_for(APPROVED, connection=wrong))
    assert not http.asked

"""Bills at Xero: one invoice a bill, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, FakeMemory, answer
from tests.fakes.invoices import BILL_ID, connection, invoice, job, known, line, outside
from tests.fakes.xero import FakeXero, invalid
from usance.adapters.connectors.xero import XeroConnector
from usance.application.ports.connectors import BillJob, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.notifications.delivery import Fault

CREDENTIALS = {"type": "OAUTH_CLIENT_CREDENTIALS", "clientId": "id", "clientSecret": "secret"}
XERO = connection("XERO", {"accountCode": "200"}, CREDENTIALS)
IDS = known(Contact="contact-1")


def sent(xero: FakeXero, bill: Invoice, external_id: str | None = None, **changed: Any) -> Sent:
    return XeroConnector(outside(FakeHttpClient(xero))).send(asked_for(bill, external_id, **changed))


def asked_for(bill: Invoice, external_id: str | None = None, **changed: Any) -> BillJob:
    return replace(job(bill, XERO, IDS, external_id=external_id), **changed)


def voided(xero: FakeXero, bill: Invoice, external_id: str | None) -> None:
    gone = replace(bill, lines=(), total=Decimal(0))
    XeroConnector(outside(FakeHttpClient(xero))).void(asked_for(gone, external_id))


def fault_of(xero: FakeXero, bill: Invoice, external_id: str | None = None, **changed: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as refused:
        sent(xero, bill, external_id, **changed)
    return refused.value


def test_a_bill_becomes_a_draft() -> None:
    xero = FakeXero()
    assert sent(xero, invoice()) == Sent("xero-1", "https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID=xero-1")
    assert xero.invoices["xero-1"] | {"LineItems": None} == {
        "InvoiceID": "xero-1",
        "Type": "ACCREC",
        "Contact": {"ContactID": "contact-1"},
        "Date": "2026-02-01",
        "DueDate": "2026-03-03",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": "USD",
        "InvoiceNumber": "INV-7",
        "Reference": xero.invoices["xero-1"]["Reference"],
        "Status": "DRAFT",
        "LineItems": None,
        "AmountPaid": 0,
        "AmountCredited": 0,
        "Total": 10.0,
    }


def test_a_bill_that_is_calculated_again_changes_its_invoice() -> None:
    xero = FakeXero()
    sent(xero, invoice())
    again = sent(xero, invoice(line("20.00"), revision=2), "xero-1")
    assert again.external_id == "xero-1"
    assert [one["Total"] for one in xero.invoices.values()] == [20.0]


def test_an_approved_bill_authorises_its_invoice() -> None:
    xero = FakeXero()
    sent(xero, invoice())
    sent(xero, invoice(approved=True, revision=2), "xero-1")
    assert [one["Status"] for one in xero.invoices.values()] == ["AUTHORISED"]


def test_an_invoice_that_somebody_authorised_in_xero_stays_so() -> None:
    xero = FakeXero()
    sent(xero, invoice())
    xero.invoices["xero-1"]["Status"] = "AUTHORISED"
    sent(xero, invoice(line("20.00"), revision=2), "xero-1")
    assert [(one["Status"], one["Total"]) for one in xero.invoices.values()] == [("AUTHORISED", 20.0)]


@pytest.mark.parametrize(("approved", "status"), [(False, "DELETED"), (True, "VOIDED")])
def test_a_bill_that_is_deleted_takes_its_invoice_along(approved: bool, status: str) -> None:
    xero = FakeXero()
    sent(xero, invoice(approved=approved))
    voided(xero, invoice(approved=approved), "xero-1")
    voided(xero, invoice(approved=approved), "xero-1")
    assert [one["Status"] for one in xero.invoices.values()] == [status]


def test_an_answer_that_is_lost_leaves_one_invoice() -> None:
    xero = FakeXero(lost=1)
    assert fault_of(xero, invoice()).fault is Fault.TIMEOUT
    assert sent(xero, invoice()).external_id == "xero-1"
    assert len(xero.invoices) == 1


def test_a_repeated_creation_has_the_key_of_the_first_and_so_the_same_answer() -> None:
    keys = []
    for _ in range(2):
        http = FakeHttpClient(FakeXero())
        XeroConnector(outside(http)).send(asked_for(invoice()))
        keys.append(http.asked[-1].headers["Idempotency-Key"])
    assert keys[0] == keys[1]


def test_an_invoice_whose_id_was_never_recorded_is_voided_too() -> None:
    xero = FakeXero()
    sent(xero, invoice())
    voided(xero, invoice(), None)
    assert [one["Status"] for one in xero.invoices.values()] == ["DELETED"]


def test_a_bill_whose_invoice_was_voided_in_xero_gets_another() -> None:
    xero = FakeXero()
    sent(xero, invoice(number=None, approved=True))
    xero.invoices["xero-1"]["Status"] = "VOIDED"
    assert sent(xero, invoice(number=None, approved=True), "xero-1").external_id == "xero-2"


def test_the_invoice_of_an_earlier_bill_under_the_same_id_is_left_alone() -> None:
    xero = FakeXero()
    sent(xero, invoice(number=None))
    assert sent(xero, invoice(number=None, life="2026-02-03T00:00:00Z")).external_id == "xero-2"


def test_an_invoice_that_is_paid_in_part_is_not_changed() -> None:
    xero = FakeXero()
    sent(xero, invoice(approved=True))
    xero.invoices["xero-1"]["AmountPaid"] = 1
    assert fault_of(xero, invoice(line("20.00"), approved=True), "xero-1").fault is Fault.ALREADY_PAID
    with pytest.raises(ConnectorError) as refused:
        voided(xero, invoice(), "xero-1")
    assert refused.value.fault is Fault.ALREADY_PAID
    assert xero.invoices["xero-1"]["Total"] == 10.0


def test_an_invoice_of_nothing_is_paid_at_once_and_may_be_sent_again() -> None:
    xero = FakeXero()
    nothing = invoice(line("1.00"), line("-1.00", "Credit"), approved=True)
    first = sent(xero, nothing)
    assert sent(xero, nothing, first.external_id) == first


def test_a_number_that_another_invoice_has_changes_nothing() -> None:
    xero = FakeXero({"other": {"InvoiceID": "other", "InvoiceNumber": "INV-7", "Reference": "", "Status": "DRAFT"}})
    error = fault_of(xero, invoice())
    assert error.fault is Fault.PAYLOAD_REFUSED
    assert "Invoice # must be unique." in error.detail


def test_an_account_without_a_contact_is_refused_before_anything_is_written() -> None:
    xero = FakeXero()
    error = fault_of(xero, invoice(), known=known())
    assert error.fault is Fault.ACCOUNT_NOT_MAPPED
    assert not xero.invoices


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [
        (invalid("Account code '999' is not a valid code for this document."), Fault.PAYLOAD_REFUSED),
        (invalid("The document date cannot be before the period lock date of 31 Jan 2026."), Fault.PERIOD_CLOSED),
        (
            invalid(
                "Invoice not of valid status for modification",
                "This document cannot be edited as it has a payment or credit note allocated to it.",
            ),
            Fault.ALREADY_PAID,
        ),
        (
            answer(403, {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}),
            Fault.CREDENTIALS_REFUSED,
        ),
        (answer(500), Fault.PASSING),
        (answer(503), Fault.PASSING),
    ],
)
def test_a_refusal_means_what_xero_says(refusal: Answer, fault: Fault) -> None:
    assert fault_of(FakeXero(refuses=[refusal]), invoice()).fault is fault


def test_a_limit_passes_on_when_to_ask_again() -> None:
    limited = replace(answer(429), retry_after=timedelta(seconds=37))
    error = fault_of(FakeXero(refuses=[limited]), invoice())
    assert (error.fault, error.retry_after) == (Fault.RATE_LIMITED, timedelta(seconds=37))


def test_a_token_is_kept_and_used_until_it_ends() -> None:
    xero, memory, clock = FakeXero(), FakeMemory(), FrozenClock()
    for minutes, tokens in ((0, 1), (20, 1), (20, 2)):
        clock.advance(minutes=minutes)
        kept = connection("XERO", XERO.options, memory.credentials.get("configuration", CREDENTIALS))
        XeroConnector(outside(FakeHttpClient(xero), memory, clock)).send(asked_for(invoice(), connection=kept))
        assert len(xero.tokens) == tokens
    assert xero.tokens[0] == {"grant_type": ["client_credentials"], "scope": ["accounting.transactions"]}


def test_a_refresh_token_is_replaced_by_the_next_before_anything_is_sent() -> None:
    xero, memory = FakeXero(refuses=[answer(500)]), FakeMemory()
    user = connection("XERO", XERO.options, CREDENTIALS | {"refreshToken": "first", "tenantId": "tenant"})
    http = FakeHttpClient(xero)
    with pytest.raises(ConnectorError):
        XeroConnector(outside(http, memory)).send(asked_for(invoice(), connection=user))
    assert xero.tokens == [{"grant_type": ["refresh_token"], "refresh_token": ["first"]}]
    assert memory.credentials["configuration"]["refreshToken"] == "next"
    assert http.asked[-1].headers["xero-tenant-id"] == "tenant"


def test_a_token_that_is_refused_is_renewed_once() -> None:
    old = connection(
        "XERO",
        XERO.options,
        CREDENTIALS | {"accessToken": "the-access-token", "accessTokenExpiry": "2026-01-15T13:00:00+00:00"},
    )
    xero = FakeXero(refuses=[answer(401)])
    XeroConnector(outside(FakeHttpClient(xero))).send(asked_for(invoice(), connection=old))
    assert len(xero.tokens) == 1
    error = fault_of(FakeXero(refuses=[answer(401), answer(401)]), invoice(), connection=old)
    assert error.fault is Fault.CREDENTIALS_REFUSED


def test_credentials_that_the_token_endpoint_refuses_are_named() -> None:
    http = FakeHttpClient([answer(400, {"error": "invalid_grant"})])
    with pytest.raises(ConnectorError, match="invalid_grant") as refused:
        XeroConnector(outside(http)).send(asked_for(invoice()))
    assert refused.value.fault is Fault.CREDENTIALS_REFUSED
    assert "secret" not in refused.value.detail


def test_the_bill_is_named_on_its_invoice() -> None:
    xero = FakeXero()
    sent(xero, invoice())
    assert xero.invoices["xero-1"]["Reference"].startswith(BILL_ID)


def test_a_bill_that_was_0_when_its_invoice_was_authorised_and_is_not_any_more_is_told_of() -> None:
    xero = FakeXero()
    nothing = invoice(line("2.30"), line("-2.30", "Credit"), approved=True)
    sent(xero, nothing)
    assert xero.invoices["xero-1"]["Status"] == "PAID"
    assert sent(xero, replace(nothing, revision=2), "xero-1").external_id == "xero-1"
    refused = fault_of(xero, invoice(line("20.00"), approved=True, revision=3), "xero-1")
    assert refused.fault is Fault.ALREADY_PAID
    assert "xero-1" in refused.detail

"""Bills at QuickBooks: one invoice a bill, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, FakeMemory, answer
from tests.fakes.invoices import connection, invoice, job, known, line, outside
from tests.fakes.quickbooks import FakeQuickBooks, fault
from usance.adapters.connectors.quickbooks import QuickBooksConnector
from usance.application.ports.connectors import BillJob, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.integrations.wording import mark
from usance.domain.notifications.delivery import Fault

CREDENTIALS = {
    "type": "OAUTH_CLIENT_CREDENTIALS",
    "clientId": "id",
    "clientSecret": "secret",
    "refreshToken": "first",
    "realmId": "4620",
}
QUICKBOOKS = connection("QUICKBOOKS", {"defaultItemId": "1"}, CREDENTIALS)
IDS = known(Customer="c1", Item="7")


def sent(books: FakeQuickBooks, bill: Invoice, external_id: str | None = None, **changed: Any) -> Sent:
    return QuickBooksConnector(outside(FakeHttpClient(books))).send(asked_for(bill, external_id, **changed))


def asked_for(bill: Invoice, external_id: str | None = None, **changed: Any) -> BillJob:
    return replace(job(bill, QUICKBOOKS, IDS, external_id=external_id), **changed)


def voided(books: FakeQuickBooks, bill: Invoice, external_id: str | None) -> None:
    gone = replace(bill, lines=(), total=Decimal(0))
    QuickBooksConnector(outside(FakeHttpClient(books))).void(asked_for(gone, external_id))


def fault_of(books: FakeQuickBooks, bill: Invoice, external_id: str | None = None, **changed: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as refused:
        sent(books, bill, external_id, **changed)
    return refused.value


def test_a_bill_becomes_an_invoice() -> None:
    books = FakeQuickBooks()
    assert sent(books, invoice()) == Sent("1", "https://app.qbo.intuit.com/app/invoice?txnId=1")
    assert books.invoices["1"] | {"Line": None} == {
        "Id": "1",
        "SyncToken": "0",
        "CustomerRef": {"value": "c1"},
        "DocNumber": "INV-7",
        "TxnDate": "2026-02-01",
        "DueDate": "2026-03-03",
        "CurrencyRef": {"value": "USD"},
        "PrivateNote": f"Bill {mark(invoice())}",
        "Line": None,
        "TotalAmt": 10.0,
        "Balance": 10.0,
    }
    assert books.hosts == {"quickbooks.api.intuit.com"}


def test_the_sandbox_is_another_place() -> None:
    books = FakeQuickBooks()
    sandbox = connection("QUICKBOOKS_SANDBOX", QUICKBOOKS.options, CREDENTIALS)
    there = sent(books, invoice(), connection=sandbox)
    assert there.url == "https://app.sandbox.qbo.intuit.com/app/invoice?txnId=1"
    assert books.hosts == {"sandbox-quickbooks.api.intuit.com"}


def test_a_bill_that_is_calculated_again_replaces_what_its_invoice_says() -> None:
    books = FakeQuickBooks()
    sent(books, invoice(number=None))
    assert sent(books, invoice(line("20.00"), revision=2), "1").external_id == "1"
    assert [(one["DocNumber"], one["TotalAmt"], one["SyncToken"]) for one in books.invoices.values()] == [
        ("INV-7", 20.0, "1")
    ]


def test_a_bill_that_is_deleted_takes_its_invoice_along() -> None:
    books = FakeQuickBooks()
    sent(books, invoice())
    voided(books, invoice(), "1")
    voided(books, invoice(), "1")
    assert [one["PrivateNote"][:8] for one in books.invoices.values()] == ["Voided -"]
    assert books.invoices["1"]["PrivateNote"].count("Voided") == 1


def test_an_answer_that_is_lost_leaves_one_invoice() -> None:
    books = FakeQuickBooks(lost=1)
    assert fault_of(books, invoice()).fault is Fault.TIMEOUT
    assert sent(books, invoice()).external_id == "1"
    assert len(books.invoices) == 1


def test_an_invoice_is_found_though_the_bill_got_its_number_after_the_answer_was_lost() -> None:
    books = FakeQuickBooks(lost=1)
    assert fault_of(books, invoice(number=None)).fault is Fault.TIMEOUT
    assert sent(books, invoice(number="O'Hara-7")).external_id == "1"
    assert [one["DocNumber"] for one in books.invoices.values()] == ["O'Hara-7"]
    assert sent(books, invoice(number="O'Hara-7")).external_id == "1"


def test_a_repeated_creation_has_the_id_of_the_first_and_so_the_same_answer() -> None:
    urls = []
    for _ in range(2):
        http = FakeHttpClient(FakeQuickBooks())
        QuickBooksConnector(outside(http)).send(asked_for(invoice()))
        urls.append(http.asked[-1].url)
    assert urls[0] == urls[1]


def test_an_invoice_whose_id_was_never_recorded_is_voided_too() -> None:
    books = FakeQuickBooks()
    sent(books, invoice())
    voided(books, invoice(), None)
    assert books.invoices["1"]["PrivateNote"].startswith("Voided")


def test_a_bill_whose_invoice_was_voided_gets_another_with_its_number() -> None:
    books = FakeQuickBooks()
    sent(books, invoice())
    voided(books, invoice(), "1")
    assert sent(books, invoice(), "1").external_id == "2"
    assert books.invoices["2"]["DocNumber"] == "INV-7"


def test_a_bill_whose_invoice_was_deleted_in_quickbooks_gets_another() -> None:
    books = FakeQuickBooks()
    assert sent(books, invoice(), "99").external_id == "1"


def test_an_invoice_that_is_paid_in_part_is_not_changed() -> None:
    books = FakeQuickBooks()
    sent(books, invoice())
    books.invoices["1"]["Balance"] = 4
    assert fault_of(books, invoice(line("20.00")), "1").fault is Fault.ALREADY_PAID
    with pytest.raises(ConnectorError) as refused:
        voided(books, invoice(), "1")
    assert refused.value.fault is Fault.ALREADY_PAID


def test_a_number_that_another_invoice_has_changes_nothing() -> None:
    other = {"Id": "9", "SyncToken": "0", "DocNumber": "INV-7", "TotalAmt": 5, "Balance": 5, "PrivateNote": "by hand"}
    books = FakeQuickBooks({"9": dict(other)})
    error = fault_of(books, invoice())
    assert error.fault is Fault.PAYLOAD_REFUSED
    assert "6140" in error.detail
    assert books.invoices == {"9": other}


def test_an_account_without_a_customer_is_refused_before_anything_is_written() -> None:
    books = FakeQuickBooks()
    assert fault_of(books, invoice(), known=known(Item="7")).fault is Fault.ACCOUNT_NOT_MAPPED
    assert not books.invoices


@pytest.mark.parametrize(
    ("refusal", "meant"),
    [
        (fault("6210", "Account Period Closed"), Fault.PERIOD_CLOSED),
        (fault("6540", "Deposited Transaction cannot be changed"), Fault.ALREADY_PAID),
        (fault("5010", "Stale Object Error"), Fault.PASSING),
        (fault("2500", "Invalid Reference Id"), Fault.PAYLOAD_REFUSED),
        (fault("3100", "ApplicationAuthorizationFailed", 403, "AUTHORIZATION"), Fault.CREDENTIALS_REFUSED),
        (fault("120", "Authorization Failure"), Fault.CREDENTIALS_REFUSED),
        (answer(500), Fault.PASSING),
    ],
)
def test_a_refusal_means_what_quickbooks_says(refusal: Answer, meant: Fault) -> None:
    assert fault_of(FakeQuickBooks(refuses=[refusal]), invoice()).fault is meant


def test_a_limit_passes_on_when_to_ask_again() -> None:
    limited = replace(fault("3001", "ThrottleExceeded", 429), retry_after=timedelta(seconds=60))
    error = fault_of(FakeQuickBooks(refuses=[limited]), invoice())
    assert (error.fault, error.retry_after) == (Fault.RATE_LIMITED, timedelta(seconds=60))


def test_tokens_are_refreshed_kept_and_used_until_they_end() -> None:
    books, memory, clock = FakeQuickBooks(), FakeMemory(), FrozenClock()
    for minutes, tokens in ((0, 1), (50, 1), (50, 2)):
        clock.advance(minutes=minutes)
        kept = connection("QUICKBOOKS", QUICKBOOKS.options, memory.credentials.get("configuration", CREDENTIALS))
        QuickBooksConnector(outside(FakeHttpClient(books), memory, clock)).send(asked_for(invoice(), connection=kept))
        assert len(books.tokens) == tokens
    assert [token["refresh_token"] for token in books.tokens] == [["first"], ["next"]]


@pytest.mark.parametrize("name", ["realmId", "refreshToken", "clientId"])
def test_credentials_that_lack_something_are_refused(name: str) -> None:
    less = connection("QUICKBOOKS", {}, {key: value for key, value in CREDENTIALS.items() if key != name})
    error = fault_of(FakeQuickBooks(), invoice(), connection=less)
    assert (error.fault, name in error.detail) == (Fault.CREDENTIALS_REFUSED, True)

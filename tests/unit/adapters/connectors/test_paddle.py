"""Bills at Paddle: one draft invoice a bill, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.connectors import FakeHttpClient, answer
from tests.fakes.invoices import connection, invoice, job, known, line, outside
from tests.fakes.paddle import FakePaddle, refused
from usance.adapters.connectors.paddle import PaddleConnector
from usance.application.ports.connectors import BillJob, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.notifications.delivery import Fault

CREDENTIALS = {"type": "PADDLE_AUTH", "apiKey": "key"}
DRAFTS = connection("PADDLE", {}, CREDENTIALS)
ISSUED = connection("PADDLE", {"issueOnApproval": True}, CREDENTIALS)
IDS = known(Customer="ctm_1")
APPROVED = invoice(approved=True)
OTHER = invoice(line("20.00"), approved=True)


def sent(paddle: FakePaddle, bill: Invoice, external_id: str | None = None, **changed: Any) -> Sent | None:
    return PaddleConnector(outside(FakeHttpClient(paddle))).send(asked_for(bill, external_id, **changed))


def asked_for(bill: Invoice, external_id: str | None = None, **changed: Any) -> BillJob:
    return replace(job(bill, DRAFTS, IDS, external_id=external_id), **changed)


def voided(paddle: FakePaddle, bill: Invoice, external_id: str | None) -> None:
    gone = replace(bill, lines=(), total=Decimal(0))
    PaddleConnector(outside(FakeHttpClient(paddle))).void(asked_for(gone, external_id))


def fault_of(paddle: FakePaddle, bill: Invoice, external_id: str | None = None, **changed: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as error:
        sent(paddle, bill, external_id, **changed)
    return error.value


def test_a_bill_becomes_a_draft_and_stays_one_when_it_is_approved() -> None:
    paddle = FakePaddle()
    assert sent(paddle, invoice()) == Sent("txn_1", "https://vendors.paddle.com/transactions-v2/txn_1")
    sent(paddle, APPROVED, "txn_1")
    assert paddle.totals() == [("ready", 1000)]
    assert paddle.hosts == {"api.paddle.com"}


def test_the_sandbox_is_another_place() -> None:
    paddle = FakePaddle()
    there = sent(paddle, invoice(), connection=connection("PADDLE_SANDBOX", {}, CREDENTIALS))
    assert there == Sent("txn_1", "https://sandbox-vendors.paddle.com/transactions-v2/txn_1")
    assert paddle.hosts == {"sandbox-api.paddle.com"}


def test_an_approved_bill_is_issued_where_that_is_wanted_and_once() -> None:
    paddle = FakePaddle()
    sent(paddle, invoice(), connection=ISSUED)
    assert paddle.totals() == [("ready", 1000)]
    for _ in range(2):
        sent(paddle, APPROVED, "txn_1", connection=ISSUED)
        assert paddle.totals() == [("billed", 1000)]


def test_a_bill_that_is_calculated_again_changes_its_draft() -> None:
    paddle = FakePaddle()
    sent(paddle, invoice())
    sent(paddle, OTHER, "txn_1")
    assert paddle.totals() == [("ready", 2000)]


def test_an_invoice_that_was_issued_is_cancelled_and_made_anew_when_the_bill_differs() -> None:
    paddle = FakePaddle()
    sent(paddle, APPROVED, connection=ISSUED)
    sent(paddle, OTHER, "txn_1", connection=ISSUED)
    assert paddle.totals() == [("canceled", 1000), ("billed", 2000)]


def test_an_invoice_that_is_paid_is_left_alone_and_refused_when_the_bill_differs() -> None:
    paddle = FakePaddle()
    sent(paddle, APPROVED, connection=ISSUED)
    paddle.transactions["txn_1"]["status"] = "completed"
    assert sent(paddle, APPROVED, "txn_1")
    assert fault_of(paddle, OTHER, "txn_1").fault is Fault.ALREADY_PAID
    with pytest.raises(ConnectorError) as error:
        voided(paddle, APPROVED, "txn_1")
    assert error.value.fault is Fault.ALREADY_PAID
    assert paddle.totals() == [("completed", 1000)]


@pytest.mark.parametrize("external_id", ["txn_1", None])
def test_a_bill_that_is_deleted_takes_its_invoice_along(external_id: str | None) -> None:
    paddle = FakePaddle()
    sent(paddle, invoice())
    voided(paddle, invoice(), external_id)
    voided(paddle, invoice(), external_id)
    assert paddle.totals() == [("canceled", 1000)]


def test_a_bill_that_becomes_nothing_has_its_draft_cancelled() -> None:
    paddle = FakePaddle()
    sent(paddle, invoice())
    assert sent(paddle, invoice(line("0.00")), "txn_1") is None
    assert paddle.totals() == [("canceled", 1000)]


def test_an_answer_that_is_lost_leaves_one_invoice() -> None:
    paddle = FakePaddle(lost=1)
    assert fault_of(paddle, invoice()).fault is Fault.TIMEOUT
    for number in range(3):  # so that the transaction is on the second page
        paddle.transactions[f"other_{number}"] = paddle.transactions["txn_1"] | {
            "id": f"other_{number}",
            "custom_data": None,
        }
    found = sent(paddle, invoice())
    assert found
    assert found.external_id == "txn_1"
    assert len(paddle.transactions) == 4


def test_an_answer_to_issuing_that_is_lost_issues_once() -> None:
    paddle = FakePaddle()
    sent(paddle, invoice())
    paddle.lost = 1
    assert fault_of(paddle, APPROVED, "txn_1", connection=ISSUED).fault is Fault.TIMEOUT
    sent(paddle, APPROVED, "txn_1", connection=ISSUED)
    assert paddle.totals() == [("billed", 1000)]


def test_the_invoice_of_an_earlier_bill_under_the_same_id_is_left_alone() -> None:
    paddle = FakePaddle()
    sent(paddle, invoice())
    sent(paddle, invoice(life="2026-02-03T00:00:00Z"))
    assert len(paddle.transactions) == 2


def test_an_address_that_is_mapped_is_used_and_else_the_customers() -> None:
    paddle = FakePaddle()
    sent(paddle, invoice())
    sent(paddle, OTHER, "txn_1", known=known(Customer="ctm_1", Address="add_9", Business="biz_1"))
    assert paddle.transactions["txn_1"]["address_id"] == "add_9"
    assert paddle.transactions["txn_1"]["business_id"] == "biz_1"


@pytest.mark.parametrize(("ids", "addresses"), [(known(), ["add_1"]), (IDS, [])])
def test_an_account_without_customer_or_address_is_refused_before_anything_is_written(
    ids: Any, addresses: list[str]
) -> None:
    paddle = FakePaddle(addresses=addresses)
    assert fault_of(paddle, invoice(), known=ids).fault is Fault.ACCOUNT_NOT_MAPPED
    assert not paddle.transactions


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [
        (refused(401, "authentication_missing"), Fault.CREDENTIALS_REFUSED),
        (refused(403, "forbidden"), Fault.CREDENTIALS_REFUSED),
        (refused(400, "bad_request"), Fault.PAYLOAD_REFUSED),
        (refused(400, "transaction_immutable"), Fault.PASSING),
        (refused(400, "transaction_invalid_status_change"), Fault.REFUSED),
        (answer(502), Fault.PASSING),
    ],
)
def test_a_refusal_means_what_paddle_says(refusal: Answer, fault: Fault) -> None:
    assert fault_of(FakePaddle(refuses=[refusal]), invoice()).fault is fault


def test_a_refusal_names_the_field() -> None:
    assert "items: bad" in fault_of(FakePaddle(refuses=[refused(400, "bad_request")]), invoice()).detail


def test_a_limit_passes_on_when_to_ask_again() -> None:
    limited = replace(refused(429, "too_many_requests"), retry_after=timedelta(seconds=60))
    error = fault_of(FakePaddle(refuses=[limited]), invoice())
    assert (error.fault, error.retry_after) == (Fault.RATE_LIMITED, timedelta(seconds=60))

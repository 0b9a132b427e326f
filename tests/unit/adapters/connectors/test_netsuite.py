"""Bills at NetSuite: one invoice a bill, whatever happens on the way."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, FakeMemory, answer
from tests.fakes.invoices import BILL_ID, CREDIT, connection, invoice, job, known, line, outside
from tests.fakes.netsuite import FakeNetSuite, credentials, problem
from usance.adapters.connectors.netsuite import NetSuiteConnector, by_certificate
from usance.application.ports.connectors import BillJob, Sent
from usance.domain.integrations.answers import Answer
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import Invoice
from usance.domain.notifications.delivery import Fault

OPTIONS = {"currencies": {"USD": "1"}, "defaultItemId": "99"}
NETSUITE = connection("NETSUITE", OPTIONS, credentials())
IDS = known(Customer="614", Item="86")
ADDRESS = "https://123456-sb1.app.netsuite.com/app/accounting/transactions/custinvc.nl?id=647"


def asked_for(bill: Invoice, options: dict[str, Any] | None = None, ids: ExternalIds = IDS) -> BillJob:
    return job(bill, replace(NETSUITE, options=OPTIONS | (options or {})), ids)


def sent(netsuite: FakeNetSuite, bill: Invoice, options: dict[str, Any] | None = None, ids: ExternalIds = IDS) -> Sent:
    return NetSuiteConnector(outside(FakeHttpClient(netsuite))).send(asked_for(bill, options, ids))


def refused(
    netsuite: FakeNetSuite, bill: Invoice, options: dict[str, Any] | None = None, ids: ExternalIds = IDS
) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        sent(netsuite, bill, options, ids)
    return raised.value


def voided(netsuite: FakeNetSuite, bill: Invoice) -> None:
    gone = replace(bill, lines=(), total=Decimal(0))
    NetSuiteConnector(outside(FakeHttpClient(netsuite))).void(asked_for(gone))


def items(netsuite: FakeNetSuite) -> list[dict[str, Any]]:
    return list(netsuite.invoices["647"]["item"]["items"])


def test_a_bill_becomes_an_invoice() -> None:
    netsuite = FakeNetSuite()

    assert sent(netsuite, invoice(purchase_order_number="PO 1")) == Sent("647", ADDRESS)
    [made] = netsuite.invoices.values()
    assert made | {"item": None} == {
        "id": "647",
        "externalId": made["externalId"],
        "entity": {"id": "614"},
        "currency": {"id": "1"},
        "tranDate": "2026-02-01",
        "dueDate": "2026-03-03",
        "startDate": "2026-01-01",
        "endDate": "2026-01-31",
        "memo": made["memo"],
        "otherRefNum": "PO 1",
        "item": None,
    }
    assert made["externalId"].startswith(f"usance-{BILL_ID}-")
    assert items(netsuite) == [
        {
            "item": {"id": "86"},
            "description": "API calls (2026-01-01 to 2026-01-31, 1230 call)",
            "quantity": 1,
            "rate": 12.3,
            "amount": 12.3,
        },
        {
            "item": {"id": "99"},
            "description": "Credit (2026-01-01 to 2026-01-31)",
            "quantity": 1,
            "rate": -2.3,
            "amount": -2.3,
        },
    ]


def test_a_bill_that_is_sent_again_replaces_the_lines_of_its_invoice() -> None:
    netsuite = FakeNetSuite()
    first = sent(netsuite, invoice())

    assert sent(netsuite, invoice(line("20.00"))) == first
    assert [one["amount"] for one in items(netsuite)] == [20.0]
    assert len(netsuite.invoices) == 1


def test_an_answer_that_was_lost_makes_no_second_invoice() -> None:
    netsuite = FakeNetSuite(lost=1)
    assert refused(netsuite, invoice()).fault is Fault.TIMEOUT

    assert sent(netsuite, invoice()).external_id == "647"
    assert len(netsuite.invoices) == 1


def test_a_write_that_does_not_say_where_is_looked_up() -> None:
    assert sent(FakeNetSuite(tells_where=False), invoice()) == Sent("647", ADDRESS)


def test_a_bill_that_is_calculated_anew_after_it_was_deleted_gets_another_invoice() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice())
    sent(netsuite, invoice(life="2026-02-02T00:00:00Z"))

    assert len(netsuite.invoices) == 2


def test_approval_is_a_status_where_the_option_says_so() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice(), {"approvalStatus": True})
    assert netsuite.invoices["647"]["approvalStatus"] == {"id": "1"}

    sent(netsuite, invoice(approved=True), {"approvalStatus": True})
    assert netsuite.invoices["647"]["approvalStatus"] == {"id": "2"}


def test_the_invoice_of_a_bill_that_is_gone_is_deleted_once() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice())
    for _ in range(2):
        voided(netsuite, invoice())

    assert netsuite.invoices == {}


def test_an_invoice_that_is_paid_even_in_part_is_never_touched() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice())
    netsuite.invoices["647"]["amountPaid"] = 0.01

    assert refused(netsuite, invoice(line("20.00"))).fault is Fault.ALREADY_PAID
    with pytest.raises(ConnectorError) as raised:
        voided(netsuite, invoice())
    assert raised.value.fault is Fault.ALREADY_PAID
    assert len(items(netsuite)) == 2


def test_an_invoice_that_somebody_voided_is_not_revived() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice())
    netsuite.invoices["647"]["status"] = {"id": "Voided", "refName": "Voided"}

    again = refused(netsuite, invoice())
    assert (again.fault, "was voided in NetSuite" in again.detail) == (Fault.REFUSED, True)
    voided(netsuite, invoice())
    assert len(netsuite.invoices) == 1


def test_lines_add_up_to_the_total_in_the_places_of_netsuite() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice(line("0.333"), line("0.333"), line("0.334")))
    assert [one["amount"] for one in items(netsuite)] == [0.33, 0.33, 0.34]

    yen = FakeNetSuite()
    sent(yen, invoice(line("10.5"), line("10.5"), currency="JPY"), {"currencies": {"JPY": 7}})
    assert sum(one["amount"] for one in items(yen)) == 21
    assert yen.invoices["647"]["currency"] == {"id": "7"}


def test_lines_have_service_dates_where_revenue_is_recognised_by_them() -> None:
    netsuite = FakeNetSuite()
    without = line("-1", "Credit", service_start=None, service_end=None)
    sent(netsuite, invoice(line("5"), without), {"serviceDates": True})

    assert [(one["revRecStartDate"], one["revRecEndDate"]) for one in items(netsuite)] == [
        ("2026-01-01", "2026-01-31"),
        ("2026-01-01", "2026-01-31"),
    ]


def test_the_fields_of_service_dates_are_options() -> None:
    netsuite = FakeNetSuite()
    named = {"serviceDates": True, "startDateField": "custcol_start", "endDateField": "custcol_end"}
    sent(netsuite, invoice(line("5")), named)

    assert (items(netsuite)[0]["custcol_start"], items(netsuite)[0]["custcol_end"]) == ("2026-01-01", "2026-01-31")


@pytest.mark.parametrize("kind", ["COMMITMENT_FEE", "COMMITMENT_CONSUMED", "BALANCE_FEE", "OVERAGE_USAGE"])
def test_lines_of_what_a_customer_has_committed_to_need_a_product_of_their_own(kind: str) -> None:
    without = refused(FakeNetSuite(), invoice(line("5", kind=kind, product=None)))
    assert without.fault is Fault.PAYLOAD_REFUSED
    assert "give it an accounting product" in without.detail
    unmapped = refused(FakeNetSuite(), invoice(line("5", kind=kind)), ids=known(Customer="614"))
    assert "map the product to an Item" in unmapped.detail
    assert "defaultItemId" not in unmapped.detail

    netsuite = FakeNetSuite()
    sent(netsuite, invoice(line("5", kind=kind)))
    assert items(netsuite)[0]["item"] == {"id": "86"}


def test_a_line_without_any_item_is_refused_with_what_to_do() -> None:
    of = refused(FakeNetSuite(), invoice(CREDIT, line("5")), {"defaultItemId": ""})

    assert (of.fault, "set configData.defaultItemId" in of.detail) == (Fault.PAYLOAD_REFUSED, True)


def test_further_fields_are_written_and_change_nothing_that_the_bill_says() -> None:
    netsuite = FakeNetSuite()
    more = {"fields": {"subsidiary": {"id": "1"}, "memo": "mine"}, "lineFields": {"location": {"id": "2"}, "amount": 0}}
    sent(netsuite, invoice(line("5")), more)

    assert netsuite.invoices["647"]["subsidiary"] == {"id": "1"}
    assert netsuite.invoices["647"]["memo"].startswith(f"Bill {BILL_ID}")
    assert (items(netsuite)[0]["location"], items(netsuite)[0]["amount"]) == ({"id": "2"}, 5)


def test_invoices_are_numbered_as_bills_where_the_option_says_so() -> None:
    netsuite = FakeNetSuite()
    sent(netsuite, invoice(), {"useBillNumber": True})

    assert netsuite.invoices["647"]["tranId"] == "INV-7"


def test_an_account_without_a_customer_is_named() -> None:
    assert refused(FakeNetSuite(), invoice(), ids=known(Item="86")).fault is Fault.ACCOUNT_NOT_MAPPED


def test_a_currency_without_an_id_is_refused() -> None:
    of = refused(FakeNetSuite(), invoice(currency="EUR"))

    assert (of.fault, "internal id of EUR" in of.detail) == (Fault.PAYLOAD_REFUSED, True)


def test_a_total_below_0_is_refused() -> None:
    assert refused(FakeNetSuite(), invoice(CREDIT)).fault is Fault.PAYLOAD_REFUSED


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (problem(400, "USER_ERROR", "Please enter value(s) for: Location"), Fault.PAYLOAD_REFUSED),
        (problem(400, "USER_ERROR", "The posting period is closed."), Fault.PERIOD_CLOSED),
        (problem(400, "USER_ERROR", "The accounting period Jan 2026 is locked for A/R."), Fault.PERIOD_CLOSED),
        (problem(403, "INSUFFICIENT_PERMISSION", "Permission Violation"), Fault.CREDENTIALS_REFUSED),
        (problem(429, "CONCURRENCY_LIMIT_EXCEEDED", "Too many requests"), Fault.RATE_LIMITED),
        (problem(500, "UNEXPECTED_ERROR", "An unexpected error occurred."), Fault.PASSING),
        (answer(503), Fault.PASSING),
    ],
)
def test_a_refusal_has_its_meaning(given: Answer, fault: Fault) -> None:
    assert refused(FakeNetSuite(refuses=[given]), invoice()).fault is fault


def test_a_refusal_says_what_netsuite_says() -> None:
    netsuite = FakeNetSuite(refuses=[problem(400, "USER_ERROR", "Please enter value(s) for: Location")])

    assert refused(netsuite, invoice()).detail == "answered 400: USER_ERROR: Please enter value(s) for: Location"


def test_a_client_signs_in_by_its_certificate_and_its_token_is_kept() -> None:
    netsuite, memory, clock = FakeNetSuite(), FakeMemory(), FrozenClock()
    first = asked_for(invoice())
    NetSuiteConnector(outside(FakeHttpClient(netsuite), memory, clock)).send(first)
    kept = replace(first.connection, credentials=memory.credentials["configuration"])
    NetSuiteConnector(outside(FakeHttpClient(netsuite), memory, clock)).send(replace(first, connection=kept))

    [claims] = netsuite.tokens
    now = int(clock.now().timestamp())
    assert {name: claims[name] for name in ("iss", "scope", "kid", "alg", "typ", "iat", "exp")} == {
        "iss": "client",
        "scope": "rest_webservices",
        "kid": "certificate",
        "alg": "ES256",
        "typ": "JWT",
        "iat": now,
        "exp": now + 300,
    }


def test_another_key_than_the_one_that_netsuite_knows_is_refused_credentials() -> None:
    other = pem(rsa.generate_private_key(65537, 2048))
    wrong = replace(NETSUITE, credentials=credentials() | {"privateKey": other})
    with pytest.raises(ConnectorError, match="invalid_client") as raised:
        NetSuiteConnector(outside(FakeHttpClient(FakeNetSuite()))).send(job(invoice(), wrong, IDS))
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"privateKey": "no key"}, "must be a private key in PEM"),
        ({"privateKey": pem(ed25519.Ed25519PrivateKey.generate())}, "must be of RSA"),
        ({"privateKey": ""}, r"credentials\.privateKey is missing"),
        ({"accountId": "123456.example.com/"}, "accountId must be such as"),
    ],
)
def test_credentials_that_cannot_sign_in_are_refused(change: dict[str, str], message: str) -> None:
    wrong = replace(NETSUITE, credentials=credentials() | change)
    http = FakeHttpClient()
    with pytest.raises(ConnectorError, match=message) as raised:
        NetSuiteConnector(outside(http)).send(job(invoice(), wrong, IDS))
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED
    assert http.asked == []


def test_an_rsa_key_signs_by_pss() -> None:
    import jwt

    of = {"clientId": "client", "keyId": "k", "privateKey": pem(rsa.generate_private_key(65537, 2048))}
    _, form = by_certificate(FrozenClock(), "https://token")(of)

    assert jwt.get_unverified_header(form["client_assertion"])["alg"] == "PS256"


def test_options_that_are_null_are_as_if_left_out() -> None:
    netsuite = FakeNetSuite()
    sent(
        netsuite, invoice(), dict.fromkeys(("fields", "lineFields", "serviceDates", "approvalStatus", "useBillNumber"))
    )
    assert len(netsuite.invoices) == 1

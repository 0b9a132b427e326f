"""The external system of the tests keeps what every connector promises."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.fakes.connectors import FakeSystem
from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.application.ports.connectors import BillConnector, BillJob, Connection, EntityConnector, EntityJob, Sent
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import invoice_of
from usance.domain.notifications.delivery import Fault

MAPPED = ExternalIds((ExternalId("Account", "account", "Customer", "cus_1"),))
CONNECTION = Connection("org", "configuration", "Fake")
JOB = BillJob(CONNECTION, invoice_of(BILL, [LINE]), {"id": "account"}, MAPPED, None, "key")


def test_the_same_job_twice_gives_one_invoice() -> None:
    system = FakeSystem()
    connector: BillConnector = system
    assert connector.send(JOB) == connector.send(JOB)
    assert [one["total"] for one in system.invoices.values()] == [Decimal("12.30")]


def test_an_approved_bill_is_finalised_and_a_bill_that_is_gone_is_void() -> None:
    system = FakeSystem()
    sent = system.send(replace(JOB, invoice=replace(JOB.invoice, approved=True)))
    assert system.invoices[sent.external_id]["status"] == "open"
    system.void(replace(JOB, external_id=sent.external_id))
    assert system.invoices[sent.external_id]["status"] == "void"


def test_an_account_without_mapping_is_named() -> None:
    with pytest.raises(ConnectorError, match="map the account") as raised:
        FakeSystem().send(replace(JOB, known=ExternalIds()))
    assert raised.value.fault is Fault.ACCOUNT_NOT_MAPPED


def test_an_entity_gets_a_reference() -> None:
    connector: EntityConnector = FakeSystem()
    job = EntityJob(
        CONNECTION, "Account", "created", {"id": "a"}, None, ExternalIds(), None, "key", "2026-01-01T00:00:00Z"
    )
    assert connector.deliver(job) == Sent("ext_a")

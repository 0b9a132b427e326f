"""Accounts and balances at Salesforce: one record an entity, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, FakeMemory, answer
from tests.fakes.invoices import connection, outside
from tests.fakes.mappings import FakeFieldMappings
from tests.fakes.salesforce import SITE, FakeSalesforce, error
from usance.adapters.connectors.salesforce import SalesforceConnector
from usance.application.ports.connectors import EntityJob, Sent
from usance.domain.integrations.external_ids import ExternalId, ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault

CREDENTIALS = {
    "type": "OAUTH_CLIENT_CREDENTIALS",
    "instanceUrl": SITE,
    "clientId": "consumer",
    "clientSecret": "shared secret",
}
ACCOUNT = {"id": "a-1", "name": "Acme", "code": "acme", "currency": "USD"}
BALANCE = {
    "id": "b-1",
    "accountId": "a-1",
    "name": "Prepaid",
    "code": "prepaid",
    "amount": Decimal("100.10"),
    "currency": "USD",
    "startDate": "2026-01-01T00:00:00.000000Z",
    "endDate": "2027-01-01T00:00:00.000000Z",
}
MAPPINGS = FakeFieldMappings(
    {
        "title": lambda change: {"Name": change["new"]["name"].upper()},
        "nothing": lambda _: None,
        "text": lambda _: "text",
    }
)


class World:
    def __init__(self) -> None:
        self.salesforce = FakeSalesforce()
        self.http = FakeHttpClient(self.salesforce)
        self.memory = FakeMemory()
        self.clock = FrozenClock()

    def deliver(self, job: EntityJob) -> Sent | None:
        kept = self.memory.credentials.get("configuration")
        if kept:
            job = replace(job, connection=replace(job.connection, credentials=kept))
        return SalesforceConnector(outside(self.http, self.memory, self.clock), MAPPINGS).deliver(job)

    def fault(self, job: EntityJob) -> ConnectorError:
        with pytest.raises(ConnectorError) as raised:
            self.deliver(job)
        return raised.value


@pytest.fixture
def world() -> World:
    return World()


def job(entity: dict[str, Any] = ACCOUNT, options: dict[str, Any] | None = None, **more: Any) -> EntityJob:
    values: dict[str, Any] = {
        "connection": connection("SALESFORCE", options or {}, CREDENTIALS),
        "entity_type": "Account" if entity["id"].startswith("a") else "Balance",
        "kind": "updated",
        "entity": entity,
        "old": None,
        "known": ExternalIds(),
        "external_id": None,
        "idempotency_key": "key",
        "changed_at": "2026-01-15T12:00:00.000000Z",
    }
    return EntityJob(**(values | more))


def test_an_account_becomes_a_record_and_stays_one(world):
    assert world.deliver(job()) == Sent("rec1", f"{SITE}/rec1")
    world.deliver(job(ACCOUNT | {"name": "Acme Inc"}))

    assert world.salesforce.records == {
        "Account": {"rec1": {"UsanceId__c": "a-1", "Name": "Acme Inc", "AccountNumber": "acme"}}
    }


def test_a_client_signs_in_once_and_its_token_is_kept(world):
    world.deliver(job())
    world.deliver(job())

    assert world.salesforce.tokens == [
        {"grant_type": ["client_credentials"], "client_id": ["consumer"], "client_secret": ["shared secret"]}
    ]
    assert world.memory.credentials["configuration"]["accessToken"] == "token-1"


def test_a_session_that_has_ended_is_renewed(world):
    world.deliver(job())
    world.salesforce.expired = True
    world.deliver(job(ACCOUNT | {"name": "Acme Inc"}))

    assert world.salesforce.records["Account"]["rec1"]["Name"] == "Acme Inc"
    assert len(world.salesforce.tokens) == 2


def test_an_answer_that_was_lost_makes_no_second_record(world):
    world.salesforce.lost = [ConnectorError(Fault.TIMEOUT, "")]
    assert world.fault(job()).fault is Fault.TIMEOUT

    assert world.deliver(job()) == Sent("rec1", f"{SITE}/rec1")
    assert len(world.salesforce.records["Account"]) == 1


def test_an_account_that_is_mapped_updates_that_record_and_leaves_its_id_in_it(world):
    world.salesforce.records = {"Account": {"001A": {"Name": "Old", "Phone": "1"}}}

    assert world.deliver(job(external_id="001A")) == Sent("001A", f"{SITE}/001A")
    assert world.salesforce.records["Account"]["001A"] == {
        "Name": "Acme",
        "AccountNumber": "acme",
        "Phone": "1",
        "UsanceId__c": "a-1",
    }


def test_a_balance_keeps_its_digits_and_refers_to_its_account(world):
    world.deliver(job(BALANCE))

    assert world.salesforce.records["UsanceBalance__c"]["rec1"] == {
        "UsanceId__c": "b-1",
        "Name": "Prepaid",
        "Code__c": "prepaid",
        "Amount__c": 100.1,
        "Currency__c": "USD",
        "StartDate__c": "2026-01-01T00:00:00.000000Z",
        "EndDate__c": "2027-01-01T00:00:00.000000Z",
        "Account__r": {"UsanceId__c": "a-1"},
    }
    assert b'"Amount__c":100.10' in world.http.asked[-1].body


def test_a_balance_refers_to_the_record_that_its_account_is_mapped_to(world):
    world.deliver(job(BALANCE, known=ExternalIds((ExternalId("Account", "a-1", "Account", "001A"),))))

    record = world.salesforce.records["UsanceBalance__c"]["rec1"]
    assert record["Account__c"] == "001A"
    assert "Account__r" not in record


def test_a_transaction_refers_to_its_balance(world):
    transaction = {"id": "t-1", "balanceId": "b-1", "amount": Decimal(-5), "appliedDate": "2026-01-02T00:00:00Z"}
    world.deliver(job(transaction, entity_type="BalanceTransaction"))

    assert world.salesforce.records["UsanceBalanceTransaction__c"]["rec1"] == {
        "UsanceId__c": "t-1",
        "Amount__c": -5,
        "AppliedDate__c": "2026-01-02T00:00:00Z",
        "Balance__r": {"UsanceId__c": "b-1"},
    }


def test_object_and_id_field_are_options_and_a_mapping_makes_the_fields(world):
    world.deliver(job(options={"objectName": "Customer__c", "externalIdField": "Billing_Id__c", "mapping": "title"}))

    assert world.salesforce.records == {"Customer__c": {"rec1": {"Billing_Id__c": "a-1", "Name": "ACME"}}}


def test_a_mapping_that_makes_nothing_writes_nothing(world):
    assert world.deliver(job(options={"mapping": "nothing"})) is None
    assert world.salesforce.records == {}


@pytest.mark.parametrize(("mapping", "message"), [("unheard of", "line 1"), ("text", "must be an object")])
def test_a_mapping_that_makes_no_fields_is_refused(world, mapping, message):
    refused = world.fault(job(options={"mapping": mapping}))

    assert (refused.fault, message in refused.detail) == (Fault.PAYLOAD_REFUSED, True)


def test_a_long_name_is_cut_and_a_code_that_is_too_long_for_a_number_is_left_out(world):
    world.deliver(job({"id": "a-2", "name": "n" * 300, "code": "c" * 41}))

    assert world.salesforce.records["Account"]["rec1"] == {"UsanceId__c": "a-2", "Name": "n" * 255}


def test_what_is_deleted_stays_in_salesforce_unless_an_option_says_otherwise(world):
    world.deliver(job())
    assert world.deliver(job(kind="deleted")) is None
    assert len(world.salesforce.records["Account"]) == 1

    for _ in range(2):  # the second finds nothing
        assert world.deliver(job(options={"deleteRecords": True}, kind="deleted")) is None
    assert world.salesforce.records["Account"] == {}


def test_an_id_is_no_path(world):
    world.deliver(job({"id": "a/../b", "name": "Acme"}))

    assert world.http.asked[-1].url.endswith("/Account/UsanceId__c/a%2F..%2Fb")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (error(400, "INVALID_FIELD", "No such column"), Fault.PAYLOAD_REFUSED),
        (error(400, "UNABLE_TO_LOCK_ROW", "busy"), Fault.PASSING),
        (error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), Fault.RATE_LIMITED),
        (error(403, "INSUFFICIENT_ACCESS", "no rights"), Fault.CREDENTIALS_REFUSED),
        (error(404, "NOT_FOUND", "no object"), Fault.PAYLOAD_REFUSED),
        (error(503, "SERVER_UNAVAILABLE", "later"), Fault.PASSING),
        (answer(500), Fault.PASSING),
    ],
)
def test_a_refusal_has_its_meaning(world, given, fault):
    world.salesforce.refusals = [given]

    assert world.fault(job()).fault is fault


def test_a_refusal_says_what_salesforce_says(world):
    world.salesforce.refusals = [error(400, "INVALID_FIELD", "No such column")]

    assert world.fault(job()).detail == "answered 400: INVALID_FIELD: No such column"


def test_two_records_with_the_id_are_refused(world):
    world.salesforce.records = {"Account": {"x": {"UsanceId__c": "a-1"}, "y": {"UsanceId__c": "a-1"}}}
    refused = world.fault(job())

    assert (refused.fault, "several records" in refused.detail) == (Fault.PAYLOAD_REFUSED, True)


def test_a_client_that_is_not_known_is_refused_credentials(world):
    world.http.answers = lambda _: answer(400, {"error": "invalid_client_id", "error_description": "client identifier"})
    refused = world.fault(job())

    assert (refused.fault, "invalid_client_id" in refused.detail) == (Fault.CREDENTIALS_REFUSED, True)


@pytest.mark.parametrize("address", ["http://acme.my.salesforce.com", "acme", f"{SITE}/services"])
def test_the_address_of_the_domain_is_one(world, address):
    wrong = connection("SALESFORCE", {}, CREDENTIALS | {"instanceUrl": address})

    assert "instanceUrl must be such as" in world.fault(job(connection=wrong)).detail
    assert world.http.asked == []


def test_a_token_without_an_end_is_used_for_half_an_hour(world):
    world.deliver(job())
    world.clock.instant += timedelta(minutes=29)
    world.deliver(job())

    assert len(world.salesforce.tokens) == 2

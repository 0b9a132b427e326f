from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest
from botocore.stub import Stubber

from tests.fakes.clock import FrozenClock
from tests.fakes.connectors import FakeHttpClient, answer
from tests.fakes.mappings import FakeFieldMappings
from tests.unit.domain.integrations.test_invoice import BILL, LINE
from usance.adapters.connectors.custom import CustomConnector, by_event_bridge, by_sqs, over_https
from usance.application.ports.connectors import BillConnector, BillJob, Connection, EntityConnector, EntityJob, Sent
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.integrations.invoice import invoice_of
from usance.domain.notifications.delivery import Fault
from usance.domain.notifications.signature import verify

NOW = datetime(2026, 3, 7, 9, 20, tzinfo=UTC)
AT = "2026-03-07T09:19:58.000000Z"
NEW = {"id": "a-1", "name": "Acme", "amount": Decimal("0.10")}
OLD = {"id": "a-1", "name": "Acme Ltd", "amount": Decimal("0.10")}
CHANGE = {"id": "key", "orgId": "org", "entityType": "Account", "change": "updated", "changedAt": AT}
MAPPINGS = FakeFieldMappings(
    {
        "names": lambda change: {"name": change["new"]["name"], "amount": change["new"]["amount"]},
        "nothing": lambda _: None,
        "text": lambda _: "text",
    }
)
URL = "https://example.com/changes"


def job(options: dict | None = None, kind: str = "updated", **credentials: str) -> EntityJob:
    connection = Connection("org", "configuration", "Custom", {"url": URL} | (options or {}), credentials)
    return EntityJob(connection, "Account", kind, NEW, OLD, ExternalIds(), None, "key", AT)


def bill(external_id: str | None = None, revision: int = 3) -> BillJob:
    invoice = replace(invoice_of(BILL, [LINE]), revision=revision)
    return BillJob(
        Connection("org", "configuration", "Custom", {"url": URL}), invoice, {}, ExternalIds(), external_id, "key"
    )


def over(http: FakeHttpClient) -> CustomConnector:
    clock = FrozenClock(NOW)
    return CustomConnector(MAPPINGS, clock, over_https(http, clock, "X-M3ter-"))


def test_a_change_is_posted_as_it_is():
    http = FakeHttpClient([answer(204)])
    connector: EntityConnector = over(http)

    assert connector.deliver(job()) is None
    [asked] = http.asked
    assert (asked.method, asked.url, asked.headers["Content-Type"]) == ("POST", URL, "application/json")
    assert asked.document == CHANGE | {
        "new": {"id": "a-1", "name": "Acme", "amount": 0.1},
        "old": {"id": "a-1", "name": "Acme Ltd", "amount": 0.1},
    }
    assert b'"amount":0.10' in asked.body


def test_a_mapping_makes_what_is_posted():
    http = FakeHttpClient([answer()])
    over(http).deliver(job({"mapping": "names"}))

    assert http.asked[0].body == b'{"name":"Acme","amount":0.10}'


def test_a_mapping_that_makes_nothing_sends_nothing():
    http = FakeHttpClient()
    over(http).deliver(job({"mapping": "nothing"}))

    assert http.asked == []


def test_changes_that_are_not_selected_are_not_sent():
    http = FakeHttpClient([answer()])
    connector = over(http)
    for kind in ("created", "updated", "deleted"):
        connector.deliver(job({"changes": ["deleted"]}, kind))

    [asked] = http.asked
    assert asked.document["change"] == "deleted"
    assert asked.document["old"]["name"] == "Acme"
    assert "new" not in asked.document


def test_a_post_is_signed_as_webhooks_are_and_bears_the_id_that_all_attempts_share():
    http = FakeHttpClient([answer(), answer()])
    connector = over(http)
    for _ in range(2):
        connector.deliver(job(apiKey="me", secret="shared"))

    first, second = http.asked
    assert first == second
    assert first.headers["X-M3ter-Api-Key"] == "me"
    assert first.headers["X-M3ter-Delivery-Id"] == "key"
    stamp, signature = first.headers["X-M3ter-Timestamp"], first.headers["X-M3ter-Signature"]
    assert verify("shared", stamp, signature, first.body, now=NOW)


def test_without_credentials_nothing_is_signed():
    http = FakeHttpClient([answer()])
    over(http).deliver(job())

    assert not {"X-M3ter-Signature", "X-M3ter-Api-Key"} & set(http.asked[0].headers)


def test_credentials_that_cannot_sign_are_refused_rather_than_left_out():
    with pytest.raises(ConnectorError, match=r"credentials\.secret is missing") as raised:
        over(FakeHttpClient()).deliver(job(type="M3TER_SIGNED_REQUEST", apiKey="me"))
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.CREDENTIALS_REFUSED),
        (403, Fault.CREDENTIALS_REFUSED),
        (429, Fault.RATE_LIMITED),
        (404, Fault.PASSING),
        (302, Fault.PASSING),
        (500, Fault.PASSING),
    ],
)
def test_what_an_endpoint_answers_means_what_it_means_for_webhooks(status, fault):
    with pytest.raises(ConnectorError) as raised:
        over(FakeHttpClient([answer(status)])).deliver(job())
    assert raised.value.fault is fault


def test_a_mapping_that_cannot_be_applied_refuses_the_change():
    with pytest.raises(ConnectorError, match="line 1, column 1") as raised:
        over(FakeHttpClient()).deliver(job({"mapping": "unheard of"}))
    assert raised.value.fault is Fault.PAYLOAD_REFUSED


def test_a_bill_is_sent_with_its_lines_and_each_revision_has_a_delivery_id():
    http = FakeHttpClient([answer()] * 4)
    connector: BillConnector = over(http)

    assert connector.send(bill()) == Sent("bill")
    connector.send(bill())
    connector.send(bill("bill", 4))
    connector.void(bill("bill", 4))
    documents = [asked.document for asked in http.asked]
    assert [document["change"] for document in documents] == ["created", "created", "updated", "deleted"]
    assert documents[0]["new"]["lineItems"][0]["convertedSubtotal"] == 12.3
    assert documents[3]["old"]["id"] == "bill"
    ids = [document["id"] for document in documents]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/billing"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:changes"
ROLE = {"roleArn": "arn:aws:iam::123456789012:role/billing"}


class Aws:
    """The SDK's own client, with its model of requests, and answers that the test names."""

    def __init__(self, service: str) -> None:
        self.client = boto3.client(service, "eu-west-1", aws_access_key_id="k", aws_secret_access_key="s")
        self.stubber = Stubber(self.client)
        self.stubber.activate()
        self.asked: list[tuple[str, str | None]] = []

    def clients(self, service: str, connection: Connection, region: str | None) -> object:
        self.asked.append((service, region))
        return self.client

    def connector(self) -> CustomConnector:
        carry = {"events": by_event_bridge, "sqs": by_sqs}[self.client.meta.service_model.service_name]
        return CustomConnector(MAPPINGS, FrozenClock(NOW), carry(self.clients))


def entry(detail: str) -> dict:
    return {
        "EventBusName": BUS,
        "Source": "usance",
        "DetailType": "Account updated",
        "Detail": detail,
        "Resources": ["key"],
        "Time": datetime(2026, 3, 7, 9, 19, 58, tzinfo=UTC),
    }


def test_a_change_becomes_an_event_on_the_bus_of_the_customer():
    aws = Aws("events")
    expected = {"Entries": [entry('{"name":"Acme","amount":0.10}')]}
    aws.stubber.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}, expected)
    aws.connector().deliver(job({"eventBusArn": BUS, "mapping": "names"}, **ROLE))

    aws.stubber.assert_no_pending_responses()
    assert aws.asked == [("events", "eu-west-1")]


@pytest.mark.parametrize(
    ("code", "fault"), [("ThrottlingException", Fault.PASSING), ("NotAuthorizedForSource", Fault.PAYLOAD_REFUSED)]
)
def test_an_entry_that_a_bus_does_not_take_is_a_failure(code, fault):
    aws = Aws("events")
    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}
    aws.stubber.add_response("put_events", failed)

    with pytest.raises(ConnectorError, match=f"{code}: no") as raised:
        aws.connector().deliver(job({"eventBusArn": BUS}, **ROLE))
    assert raised.value.fault is fault


def test_the_detail_of_an_event_is_an_object():
    with pytest.raises(ConnectorError, match="must be an object"):
        Aws("events").connector().deliver(job({"eventBusArn": BUS, "mapping": "text"}, **ROLE))


def test_a_change_becomes_a_message_in_the_queue_of_the_customer():
    aws = Aws("sqs")
    told = {"deliveryId": "key", "entityType": "Account", "change": "updated"}
    expected = {
        "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/changes",
        "MessageBody": '{"name":"Acme","amount":0.10}',
        "MessageAttributes": {name: {"DataType": "String", "StringValue": value} for name, value in told.items()},
    }
    aws.stubber.add_response("send_message", {"MessageId": "m"}, expected)
    aws.connector().deliver(job({"queueArn": QUEUE, "mapping": "names"}, **ROLE))

    aws.stubber.assert_no_pending_responses()
    assert aws.asked == [("sqs", "eu-west-1")]


def test_a_fifo_queue_keeps_the_changes_of_an_entity_in_order_and_takes_a_repetition_once():
    aws = Aws("sqs")
    sent = []
    aws.client.meta.events.register("provide-client-params.sqs.SendMessage", lambda params, **_: sent.append(params))
    aws.stubber.add_response("send_message", {"MessageId": "m"})
    aws.connector().deliver(job({"queueArn": f"{QUEUE}.fifo"}, **ROLE))

    assert (sent[0]["MessageGroupId"], sent[0]["MessageDeduplicationId"]) == ("a-1", "key")


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("AccessDenied", 403, Fault.CREDENTIALS_REFUSED),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, Fault.PAYLOAD_REFUSED),
        ("RequestThrottled", 403, Fault.RATE_LIMITED),
        ("InternalError", 500, Fault.PASSING),
    ],
)
def test_a_refusal_of_aws_has_its_meaning(code, status, fault):
    aws = Aws("sqs")
    aws.stubber.add_client_error("send_message", code, "said so", status)

    with pytest.raises(ConnectorError, match="said so") as raised:
        aws.connector().deliver(job({"queueArn": QUEUE}, **ROLE))
    assert raised.value.fault is fault


@pytest.mark.parametrize(("carry", "options"), [(by_sqs, {"queueArn": QUEUE}), (by_event_bridge, {"eventBusArn": BUS})])
def test_the_own_role_of_the_deployment_reaches_nothing_that_a_customer_names(carry, options):
    with pytest.raises(ConnectorError, match="roleArn is required") as raised:
        CustomConnector(MAPPINGS, FrozenClock(NOW), carry()).deliver(job(options))
    assert raised.value.fault is Fault.CREDENTIALS_REFUSED

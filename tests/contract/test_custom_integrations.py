"""Changes in the queues and on the event buses of a customer, through a role of theirs."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from local.aws import CREDENTIALS
from tests.contract.stores import StoreTarget
from tests.fakes.clock import FrozenClock
from tests.fakes.mappings import FakeFieldMappings
from usance.adapters.connectors.custom import CustomConnector, by_event_bridge, by_sqs
from usance.application.ports.connectors import Connection, EntityJob
from usance.domain.integrations.external_ids import ExternalIds
from usance.domain.integrations.faults import ConnectorError
from usance.domain.notifications.delivery import Fault
from usance.resources import wire

ACCOUNT = "210987654321"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/billing"


@pytest.fixture(autouse=True)
def _deployment(ministack: StoreTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a function: its endpoint and its own credentials."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.endpoint)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)  # those of all tests: boto3 keeps the first that it sees
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def theirs(service: str) -> Any:
    """A client of the customer's own; the stand-in takes an access key of twelve digits for an account."""
    return boto3.client(service, REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="test")


def change(options: dict[str, str], key: str = "key") -> EntityJob:
    entity = {"id": "a-1", "name": "Acme", "amount": Decimal("0.10")}
    connection = Connection("org", "configuration", "SQS", options, {"roleArn": ROLE})
    at = "2026-03-07T09:19:58.000000Z"
    return EntityJob(connection, "Account", "created", entity, None, ExternalIds(), None, key, at)


def connector(carry: Any) -> CustomConnector:
    return CustomConnector(FakeFieldMappings(), FrozenClock(datetime(2026, 3, 7, 9, 20, tzinfo=UTC)), carry)


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    return list(
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", ())
    )


def test_a_change_arrives_in_a_fifo_queue_once_however_often_it_is_sent() -> None:
    sqs = theirs("sqs")
    url = sqs.create_queue(QueueName="changes.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for _ in range(2):
        connector(by_sqs()).deliver(change({"queueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:changes.fifo"}))

    [message] = received(sqs, url)
    assert wire.loads(message["Body"])["new"]["amount"] == Decimal("0.10")
    assert message["MessageAttributes"]["deliveryId"]["StringValue"] == "key"


def test_a_queue_that_is_not_there_refuses_the_change() -> None:
    with pytest.raises(ConnectorError) as raised:
        connector(by_sqs()).deliver(change({"queueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere"}))
    assert raised.value.fault is Fault.PAYLOAD_REFUSED


def test_a_change_arrives_on_an_event_bus_where_rules_match_it() -> None:
    events, sqs = theirs("events"), theirs("sqs")
    url = sqs.create_queue(QueueName="from-bus")["QueueUrl"]
    bus = events.create_event_bus(Name="billing")["EventBusArn"]
    pattern = '{"source": ["usance"], "detail-type": ["Account created"]}'
    events.put_rule(Name="all", EventBusName="billing", EventPattern=pattern)
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:from-bus"}
    events.put_targets(Rule="all", EventBusName="billing", Targets=[target])
    connector(by_event_bridge()).deliver(change({"eventBusArn": bus}))

    [message] = received(sqs, url)
    event = wire.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("usance", "Account created", ["key"])
    assert event["detail"]["new"]["name"] == "Acme"

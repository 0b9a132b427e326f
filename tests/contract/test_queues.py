"""What a queue promises; the fake and the real one answer alike."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from local.intrinsics import Resolver
from local.names import Names
from local.resources import create_resources
from tests.contract.stores import StoreTarget
from tests.fakes.queue import FakeQueue
from usance.adapters.sqs.queue import SqsQueue
from usance.application.ports.queue import Queue
from usance.resources import wire

Target = tuple[Queue, Callable[[], list[dict[str, Any]]]]
"""A queue, and what it gives out by now."""


@pytest.fixture(params=["fake", "ministack"])
def target(request: pytest.FixtureRequest) -> Target:
    if request.param == "fake":
        fake = FakeQueue()
        return fake, lambda: [message for message, delay in fake.take() if delay == 0]
    store: StoreTarget = request.getfixturevalue("ministack")
    client, url = store.queue()

    def receive() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            found.extend(wire.loads(row["Body"]) for row in answer.get("Messages", ()))
        return found

    return SqsQueue(client, url), receive


def test_every_message_comes_out(target: Target) -> None:
    queue, receive = target
    queue.send([{"n": n, "amount": "1.50"} for n in range(25)])
    assert sorted(message["n"] for message in receive()) == list(range(25))


def test_a_delayed_message_does_not_come_out_yet(target: Target) -> None:
    queue, receive = target
    queue.send([{"n": 1}], delay_seconds=900)
    queue.send([{"n": 2}])
    assert receive() == [{"n": 2}]


def test_a_queue_that_takes_what_others_give_up_hands_it_out_as_often_as_it_says(
    request: pytest.FixtureRequest,
) -> None:
    store: StoreTarget = request.getfixturevalue("ministack")

    def queue(target: str | None = None, tries: int = 0) -> dict[str, Any]:
        policy = {"deadLetterTargetArn": {"Fn::GetAtt": [target, "Arn"]}, "maxReceiveCount": tries}
        properties = {"VisibilityTimeout": 0, **({"RedrivePolicy": policy} if target else {})}
        return {"Type": "AWS::SQS::Queue", "Properties": properties}

    template = {"Resources": {"Second": queue("Third", 2), "First": queue("Second", 3), "Third": queue()}}
    names = Names(template, store.endpoint)
    create_resources(template, Resolver(template, names, {}), names, store.client)
    sqs = store.client("sqs")
    urls = {name: sqs.get_queue_url(QueueName=names.physical(name))["QueueUrl"] for name in template["Resources"]}
    sqs.send_message(QueueUrl=urls["First"], MessageBody="{}")
    received = []
    for name in ("First", "Second", "Third"):
        for _ in range(4):
            received += [name for _ in sqs.receive_message(QueueUrl=urls[name]).get("Messages", ())]
    assert [received.count(name) for name in ("First", "Second", "Third")] == [3, 2, 4]

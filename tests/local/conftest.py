"""The toy stack, started once for the tests that use it as it is, and ended with the last test of this folder."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import aws
from local.intrinsics import Resolver
from local.names import Names
from local.plan import Plan, read_plan
from local.template import Template, read_template
from local.testing import RunningStack, running_stack

TOY = Path(__file__).parent / "toy" / "template.yaml"


class Toy:
    """The running toy stack and what its functions noted."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.http = httpx.Client(base_url=stack.base_url, trust_env=False, timeout=60)
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str) -> Any:
        key = (service, self.stack.store_endpoint)
        if key not in self._clients:
            self._clients[key] = aws.client(*key)
        return self._clients[key]

    def close(self) -> None:
        self.http.close()
        for client in self._clients.values():
            client.close()

    def send(self, **content: Any) -> None:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName="usance-WorkQueue")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(content))

    def put(self, pk: str, **attributes: Any) -> None:
        self.client("dynamodb").put_item(TableName="usance-SourceTable", Item={"pk": {"S": pk}, **attributes})

    def note(self, kind: str, key: str, times: int = 1, seconds: float = 15) -> dict[str, Any]:
        """What a function noted, once it noted it that often."""
        dynamodb = self.client("dynamodb")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            item = self.noted(kind, key, dynamodb)
            if item and int(item["times"]["N"]) >= times:
                return {"times": int(item["times"]["N"]), **json.loads(item["content"]["S"])}
            time.sleep(0.05)
        raise AssertionError(f"no {kind} {key} noted {times} times\n{self.stack.log()}")

    def noted(self, kind: str, key: str, dynamodb: Any = None) -> Any:
        dynamodb = dynamodb or self.client("dynamodb")
        row = {"pk": {"S": kind}, "sk": {"S": key}}
        return dynamodb.get_item(TableName="usance-ResultsTable", Key=row, ConsistentRead=True).get("Item")

    def messages(self, queue: str, count: int = 1, seconds: float = 15) -> list[Any]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=f"usance-{queue}")["QueueUrl"]
        received: list[Any] = []
        deadline = time.monotonic() + seconds
        while len(received) < count and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            received += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        return received


@pytest.fixture(scope="package")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    folder = tmp_path_factory.mktemp("toy")
    with running_stack(folder, template=TOY) as stack, contextlib.closing(Toy(stack)) as toy:
        yield toy


@pytest.fixture
def toy_template() -> Template:
    return read_template(TOY)


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    def read(template: Template, **parameters: str) -> Plan:
        names = Names(template, "http://127.0.0.1:4566")
        return read_plan(template, Resolver(template, names, parameters), names)

    return read

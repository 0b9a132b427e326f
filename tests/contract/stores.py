"""The stores that a contract is tested on, and fresh tables, buckets and queues in them."""

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local import aws
from local import store as ministack
from local.intrinsics import Resolver
from local.names import Names
from local.resources import table_definition
from local.store import PROJECT
from local.template import read_template

DYNAMODB_TARGETS = ["ministack", pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)]
"""Parameters of a fixture that runs a contract of DynamoDB on each real engine; a fake goes before them."""

JARS = Path(os.environ.get("USANCE_DYNAMODB_LOCAL", PROJECT / ".cache" / "dynamodb-local"))
START_SECONDS = 60


@cache  # hundreds of tests ask for a table, and the template is long
def _definition(logical_id: str) -> dict[str, Any]:
    """What CreateTable is told of a table of the template, but for its name."""
    template = read_template(PROJECT / "template.yaml")
    properties = Resolver(template, Names(template), {}).resolve(template["Resources"][logical_id]["Properties"])
    return table_definition(properties)


@dataclass
class StoreTarget:
    """A live store."""

    name: str
    endpoint: str
    clients: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = aws.client(service, self.endpoint)
        return self.clients[service]

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def table(self, logical_id: str) -> tuple[Any, str]:
        """A client and the name of an empty table, made as the template says."""
        name = f"{logical_id}-{next(self.numbers)}"
        dynamodb = self.client("dynamodb")
        dynamodb.create_table(TableName=name, **_definition(logical_id))
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        return dynamodb, name

    def bucket(self) -> tuple[Any, str]:
        """A client and the name of an empty bucket."""
        name = f"documents-{next(self.numbers)}"
        self.client("s3").create_bucket(Bucket=name)
        return self.client("s3"), name

    def queue(self, **attributes: str) -> tuple[Any, str]:
        """A client and the URL of an empty queue."""
        answer = self.client("sqs").create_queue(QueueName=f"queue-{next(self.numbers)}", Attributes=attributes)
        return self.client("sqs"), answer["QueueUrl"]


@contextmanager
def running_ministack(folder: Path) -> Iterator[StoreTarget]:
    """The store process of the embedded stack, with nothing in it."""
    target = StoreTarget("ministack", ministack.start(folder).endpoint)
    try:
        yield target
    finally:
        target.close()
        ministack.stop(folder)


@contextmanager
def running_dynamodb_local() -> Iterator[StoreTarget]:
    """AWS's own engine, in memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["java", f"-Djava.library.path={JARS}", "-cp", f"{JARS}/*"]
    command += ["com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory", "-port", str(port)]
    command += ["-disableTelemetry"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        target = StoreTarget("dynamodb_local", f"http://127.0.0.1:{port}")
        try:
            _wait_until_it_answers(target, process)
            yield target
        finally:
            target.close()
            process.terminate()


def _wait_until_it_answers(target: StoreTarget, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            target.client("dynamodb").list_tables()
        except (BotoCoreError, ClientError):
            assert process.poll() is None, f"DynamoDB Local ended with status {process.returncode}"
            assert time.monotonic() < deadline, f"DynamoDB Local did not answer within {START_SECONDS} s"
            time.sleep(0.1)
        else:
            return

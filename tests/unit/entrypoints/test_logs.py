"""What functions write to the log: metrics, a correlation id, and no secret even when they fail."""

import io
import json
import logging
from typing import Any

import pytest

from tests.fakes.organization import Organization
from tests.unit.application.notifications.world import World
from usance.application.notifications.record_change import record_change
from usance.domain.notifications.delivery import Outcome
from usance.entrypoints.http import core
from usance.entrypoints.metrics import NAMESPACE, count
from usance.entrypoints.queue import deliveries, webhooks

PRIVATE = ("hush", "the-secret", "ann@example.com", "Ann Example")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMESPACE, "usance-test")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "webhooks")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions log, whatever other tests did to their loggers and to the streams of this process."""
    written = io.StringIO()
    for name in {core.logger.name, deliveries.logger.name}:
        logger = logging.getLogger(name)
        handler = logging.StreamHandler(written)
        handler.setFormatter(core.logger.registered_formatter)
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "level", logging.INFO)
        monkeypatch.setattr(logger, "filters", [])
        logger._cache.clear()  # type: ignore[attr-defined]
    return written


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_count_is_a_metric_of_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    count("JobsFailed", 2)
    [line] = lines(capsys.readouterr().out)
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("usance-test", [["service"]])
    assert (line["service"], line["JobsFailed"]) == ("webhooks", [2.0])


def test_nobody_counts_where_no_namespace_is_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAMESPACE)
    count("JobsFailed")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("status", "metric"), [(200, "Delivered"), (500, "DeliveryAttemptsFailed"), (401, "DeliveriesFailed")]
)
def test_each_attempt_of_a_delivery_is_counted(
    capsys: pytest.CaptureFixture[str], log: io.StringIO, status: int, metric: str
) -> None:
    world = World()
    world.rule()
    world.webhook()
    world.link()
    world.sender.outcomes = (Outcome(status=status, answer="the-secret"),)
    record_change(world.change(name="Ann Example"), world.stores())
    body = json.dumps(world.queue.messages[0])
    record = {"messageId": "1", "body": body, "eventSource": "aws:sqs", "attributes": {}, "receiptHandle": "r"}
    assert webhooks.handler(world.deliverer)({"Records": [record]}, None) == {"batchItemFailures": []}
    written = capsys.readouterr()
    counted = [line for line in lines(written.out) if "_aws" in line]
    assert [metric in line for line in counted] == [True]
    assert not [text for text in PRIVATE if text in written.out + written.err + log.getvalue()]
    assert [line["correlation_id"] for line in lines(log.getvalue())] == [world.runs()[0]["id"]]


def test_a_request_that_fails_is_logged_with_its_id_and_without_what_it_held(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = Organization()

    def broken(*_: Any) -> None:
        raise RuntimeError("the store broke")

    monkeypatch.setattr(org.store, "commit", broken)
    credentials = {"type": "M3TER_SIGNED_REQUEST", "apiKey": "key", "secret": "hush"}
    assert org.create("webhook", credentials=credentials).status == 500
    assert org.create("orgUserInvitation", email="ann@example.com", firstName="Ann Example").status == 500
    failures = lines(log.getvalue())
    assert [line["message"] for line in failures] == ["the request failed"] * 2
    assert all(line["correlation_id"] and line["stack_trace"] for line in failures)
    assert not [text for text in PRIVATE if text in log.getvalue()]

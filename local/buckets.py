"""Delivers events of a bucket to a function: the bucket notifies a queue of the stack's own, which is delivered like any other."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from local.names import queue_arn
from local.plan import BucketSource, QueueSource
from local.queues import Invoke, QueueDelivery

_LOG: Final = logging.getLogger("local.buckets")
_ATTEMPTS: Final = 3  # Lambda tries an asynchronous invocation three times
_VISIBILITY_SECONDS: Final = 60
_CONCURRENCY: Final = 2


def queue_name(source: BucketSource) -> str:
    """Name of the queue between a bucket and its function."""
    return f"local-{source.logical_id}"


def configure(sources: tuple[BucketSource, ...], clients: Callable[[str], Any]) -> None:
    """Make the queues and tell each bucket to notify them."""
    sqs, s3 = clients("sqs"), clients("s3")
    for source in sources:
        dead = f"{queue_name(source)}-dead"
        sqs.create_queue(QueueName=dead)
        redrive = json.dumps({"deadLetterTargetArn": queue_arn(dead), "maxReceiveCount": _ATTEMPTS})
        attributes = {"VisibilityTimeout": str(_VISIBILITY_SECONDS), "RedrivePolicy": redrive}
        sqs.create_queue(QueueName=queue_name(source), Attributes=attributes)
    for bucket in {source.bucket for source in sources}:
        rows = [_notification(source) for source in sources if source.bucket == bucket]
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": rows},
            SkipDestinationValidation=True,
        )


def _notification(source: BucketSource) -> dict[str, Any]:
    row: dict[str, Any] = {"QueueArn": queue_arn(queue_name(source)), "Events": list(source.events)}
    if source.rules:
        row["Filter"] = {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in source.rules]}}
    return row


def delivery(source: BucketSource, sqs: Any, invoke: Invoke, folder: Path) -> QueueDelivery:
    """Takes the bucket's events from their queue to the function, one event at a time."""

    def run(function: str, event: Any, wait_seconds: float) -> Any:
        content = json.loads(event["Records"][0]["body"])
        if "Records" in content:  # else it is S3's test event
            invoke(function, content, wait_seconds)
        return None

    plain = QueueSource(
        function=source.function,
        queue=queue_name(source),
        batch_size=1,
        window_seconds=0,
        reports_failures=False,
        concurrency=_CONCURRENCY,
        patterns=(),
    )
    return QueueDelivery(plain, sqs, run, _CONCURRENCY, folder)

"""Delivers the messages of a queue to its function, as Lambda's event source mapping for SQS does.

Messages that succeed are deleted. Those that fail stay hidden until their visibility time-out is over and come again;
the store moves them to the dead-letter queue when they were received too often.
"""

import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from local.names import REGION, queue_arn
from local.patterns import admits
from local.plan import QueueSource
from local.poller import Poller
from local.receipts import Receipts
from local.workers import BusyError, FunctionError

_LOG: Final = logging.getLogger("local.queues")
_RECEIVE_MAX: Final = 10  # SQS ReceiveMessage
_ENTRIES_MAX: Final = 10  # SQS DeleteMessageBatch and ChangeMessageVisibilityBatch
_WAIT_SECONDS: Final = 1  # a long poll; short enough that stopping is quick
_UNRECORDED_SECONDS: Final = 5  # how long a message stays hidden whose receiver dies before it wrote that down

Invoke = Callable[[str, Any, float], Any]
Message = Mapping[str, Any]


class QueueDelivery:
    """One queue and its function."""

    def __init__(self, source: QueueSource, sqs: Any, invoke: Invoke, concurrency: int, folder: Path) -> None:
        """At most `concurrency` batches at a time; `folder` keeps the record of messages in flight."""
        self._source = source
        self._sqs = sqs
        self._invoke = invoke
        self._url = str(sqs.get_queue_url(QueueName=source.queue)["QueueUrl"])
        attributes = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        self._visibility_seconds = int(attributes["VisibilityTimeout"])
        self._receipts = Receipts(folder / f"{source.queue}.in-flight.json")
        self._slots = threading.BoundedSemaphore(min(concurrency, source.concurrency or concurrency))
        self._executor = concurrent.futures.ThreadPoolExecutor(concurrency, f"queue {source.queue}")
        self._poller = Poller(f"queue {source.queue}", self._step)
        self._running = 0

    def start(self) -> None:
        """Begin to deliver."""
        self._poller.start()

    def stop(self) -> None:
        """Receive no more."""
        self._poller.stop()

    def join(self, seconds: float) -> bool:
        """Wait until what was received is done; False when it was not in time."""
        deadline = time.monotonic() + seconds
        ended = self._poller.join(seconds)
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        return ended and not self._running

    @property
    def busy(self) -> bool:
        """Whether batches are being worked on."""
        return self._running > 0

    def _step(self) -> None:
        if self._receipts.left:
            # A poll of the killed receiver may still be open in the store and would take what is given back.
            self._poller.stopping.wait(_WAIT_SECONDS)
            self._receipts.give_back(self._sqs, self._url)
        if not self._slots.acquire(timeout=_WAIT_SECONDS):
            return
        batch: list[Message] = []
        try:
            batch = self._receive()
            if batch:
                self._running += 1
                self._executor.submit(self._deliver, batch)
        finally:
            if not batch:
                self._slots.release()

    def _receive(self) -> list[Message]:
        """One batch; the window is how long a batch that is not full waits for more."""
        batch: list[Message] = []
        deadline: float | None = None
        while len(batch) < self._source.batch_size:
            left = _WAIT_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0 and batch:
                break
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_RECEIVE_MAX, self._source.batch_size - len(batch)),
                WaitTimeSeconds=max(0, min(_WAIT_SECONDS, int(left))),
                VisibilityTimeout=min(self._visibility_seconds, _UNRECORDED_SECONDS + self._source.window_seconds),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = answer.get("Messages", [])
            if not received and deadline is None:
                break
            batch += received
            if deadline is None:
                deadline = time.monotonic() + self._source.window_seconds
        return batch

    def _hide(self, batch: Sequence[Message]) -> None:
        """Write down what is being worked on, then hide it for as long as the queue says."""
        self._receipts.add([message["ReceiptHandle"] for message in batch])
        for entries in _entries(batch):
            hidden = [{**entry, "VisibilityTimeout": self._visibility_seconds} for entry in entries]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=hidden)

    def _deliver(self, batch: Sequence[Message]) -> None:
        try:
            self._hide(batch)
            wanted = [message for message in batch if self._admits(message)]
            unwanted = [message for message in batch if not self._admits(message)]
            self._delete([*unwanted, *(self._succeeded(wanted) if wanted else [])])
        except Exception:  # noqa: BLE001 -- the messages stay on the queue and come again
            _LOG.exception("%s: a batch of %s", self._source.queue, self._source.function)
        finally:
            self._receipts.remove([message["ReceiptHandle"] for message in batch])
            self._running -= 1
            self._slots.release()

    def _admits(self, message: Message) -> bool:
        return admits(self._source.patterns, _record(message, self._source.queue))

    def _succeeded(self, batch: Sequence[Message]) -> list[Message]:
        event = {"Records": [_record(message, self._source.queue) for message in batch]}
        try:
            result = self._invoke(self._source.function, event, 3600)
        except (FunctionError, BusyError) as failed:
            _LOG.warning("%s: %s", self._source.queue, failed)
            return []
        failed_ids = failed_items(result, [message["MessageId"] for message in batch])
        if not self._source.reports_failures:
            failed_ids = set()
        if failed_ids:
            _LOG.warning("%s: %s of %s messages failed", self._source.queue, len(failed_ids), len(batch))
        return [message for message in batch if message["MessageId"] not in failed_ids]

    def _delete(self, messages: Sequence[Message]) -> None:
        for entries in _entries(messages):
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)


def _entries(messages: Sequence[Message]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(messages), _ENTRIES_MAX):
        some = messages[start : start + _ENTRIES_MAX]
        yield [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(some)]


def failed_items(result: Any, identifiers: Sequence[str]) -> set[str]:
    """The identifiers that a partial-batch response reports as failed. A malformed response fails the whole batch."""
    if result is None or result == "":
        return set()
    if not isinstance(result, dict):
        return set(identifiers)
    items = result.get("batchItemFailures") or []
    failed = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in items}
    return set(identifiers) if failed - set(identifiers) else {str(one) for one in failed}


def _record(message: Message, queue: str) -> dict[str, Any]:
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": attributes,
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": REGION,
    }

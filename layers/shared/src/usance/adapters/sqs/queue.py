"""A queue of SQS."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from usance.adapters.faults import passing_faults
from usance.domain.kernel.errors import UnavailableError
from usance.resources import wire
from usance.resources.wire import Document

BATCH_MAX: Final = 10  # SQS SendMessageBatch
BATCH_MAX_BYTES: Final = 262_144  # SQS, all messages of a batch together
ATTEMPTS_MAX: Final = 4
FIRST_PAUSE_SECONDS: Final = 0.05


class SqsQueue:
    """`Queue` over one SQS queue. `client` is a low-level SQS client."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._url = queue_url

    def send(self, messages: Sequence[Document], *, delay_seconds: int = 0) -> None:
        """See the port. Delays end at 900 seconds. A message over 256 KB is a ValueError; sending may repeat some."""
        for batch in _batches([wire.dumps(message).decode() for message in messages]):
            self._send_batch(batch, delay_seconds)

    def _send_batch(self, bodies: Sequence[str], delay_seconds: int) -> None:
        entries = [
            {"Id": str(number), "MessageBody": body, "DelaySeconds": delay_seconds}
            for number, body in enumerate(bodies)
        ]
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
            with passing_faults():
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            entries = _refused(entries, answer)
            if not entries:
                return
        raise UnavailableError(f"the queue did not take {len(entries)} messages; repeat the request")


def _refused(entries: Sequence[dict[str, Any]], answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries to send again; raises when the fault is in what was sent."""
    failed = {row["Id"]: row for row in answer.get("Failed", ())}
    for row in failed.values():
        if row.get("SenderFault"):
            raise ValueError(f"SQS refused a message: {row.get('Code')} {row.get('Message', '')}")
    return [entry for entry in entries if entry["Id"] in failed]


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if length > BATCH_MAX_BYTES:
            raise ValueError(f"a message of {length} bytes; SQS takes {BATCH_MAX_BYTES}")
        if batch and (len(batch) == BATCH_MAX or size + length > BATCH_MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch

"""A queue takes everything that is sent, or says that it did not."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from usance.adapters.sqs import queue as module
from usance.adapters.sqs.queue import BATCH_MAX_BYTES, SqsQueue
from usance.domain.kernel.errors import UnavailableError
from usance.resources import wire


@dataclass
class Sqs:
    """A client that refuses the messages in `refusals`, as many times as it says for each."""

    refusals: dict[str, int] = field(default_factory=dict)
    fault: dict[str, Any] = field(default_factory=lambda: {"SenderFault": False, "Code": "InternalError"})
    batches: list[list[dict[str, Any]]] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        self.batches.append(Entries)
        failed = []
        for entry in Entries:
            if self.refusals.get(entry["MessageBody"], 0) > 0:
                self.refusals[entry["MessageBody"]] -= 1
                failed.append({"Id": entry["Id"], **self.fault})
        return {"Failed": failed}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0)


def test_messages_go_in_batches_of_ten() -> None:
    sqs = Sqs()
    SqsQueue(sqs, "url").send([{"n": n} for n in range(23)], delay_seconds=7)
    assert [len(batch) for batch in sqs.batches] == [10, 10, 3]
    sent = [wire.loads(entry["MessageBody"])["n"] for batch in sqs.batches for entry in batch]
    assert sent == list(range(23))
    assert {entry["DelaySeconds"] for batch in sqs.batches for entry in batch} == {7}


def test_nothing_to_send_asks_nothing() -> None:
    sqs = Sqs()
    SqsQueue(sqs, "url").send([])
    assert sqs.batches == []


def test_a_batch_stays_under_the_limit_of_bytes() -> None:
    sqs = Sqs()
    SqsQueue(sqs, "url").send([{"text": "é" * 50_000} for _ in range(5)])
    sizes = [sum(len(entry["MessageBody"].encode()) for entry in batch) for batch in sqs.batches]
    assert [len(batch) for batch in sqs.batches] == [2, 2, 1]
    assert max(sizes) <= BATCH_MAX_BYTES


def test_a_message_over_the_limit_is_refused_before_anything_is_sent_with_it() -> None:
    with pytest.raises(ValueError, match="262144"):
        SqsQueue(Sqs(), "url").send([{"text": "x" * BATCH_MAX_BYTES}])


def test_what_was_refused_is_sent_again_alone() -> None:
    sqs = Sqs({'{"n":1}': 2})
    SqsQueue(sqs, "url").send([{"n": 0}, {"n": 1}, {"n": 2}])
    assert [[entry["MessageBody"] for entry in batch] for batch in sqs.batches[1:]] == [['{"n":1}']] * 2


def test_what_is_refused_again_and_again_raises() -> None:
    with pytest.raises(UnavailableError, match="1 messages"):
        SqsQueue(Sqs({'{"n":1}': 99}), "url").send([{"n": 1}, {"n": 2}])


def test_a_fault_of_ours_raises_at_once() -> None:
    sqs = Sqs({'{"n":1}': 99}, {"SenderFault": True, "Code": "InvalidMessageContents"})
    with pytest.raises(ValueError, match="InvalidMessageContents"):
        SqsQueue(sqs, "url").send([{"n": 1}])
    assert len(sqs.batches) == 1


def test_a_queue_that_does_not_answer_is_unavailable() -> None:
    class Down:
        def send_message_batch(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessageBatch")

    with pytest.raises(UnavailableError):
        SqsQueue(Down(), "url").send([{"n": 1}])

"""The merge worker goes on until nothing is left, or its time is up."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.clock import FrozenClock
from usance.application.ports.usage_log import UsageScope
from usance.bootstrap.merging import Merging
from usance.domain.kernel.errors import UnavailableError
from usance.entrypoints.queue import merge_worker


@dataclass
class Merger:
    """Has `left` groups to merge, two a call."""

    left: int
    calls: list[tuple[UsageScope, str, datetime]] = field(default_factory=list)
    fault: Exception | None = None

    def merge(self, scope: UsageScope, month: str, received_before: datetime) -> int:
        if self.fault:
            raise self.fault
        self.calls.append((scope, month, received_before))
        made, self.left = min(self.left, 2), max(self.left - 2, 0)
        return made


def run(merger: Merger, *milliseconds: int) -> Any:
    clock = FrozenClock()
    remaining = iter([*milliseconds, *[900_000] * 99])

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return next(remaining)

    body = json.dumps({"orgId": "o", "meterId": "m", "accountId": "a", "month": "2026-01"})
    event = {"Records": [{"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs"}]}
    return merge_worker.handler(lambda: Merging(merger, clock))(event, Context())


def test_a_month_is_merged_to_its_end() -> None:
    merger = Merger(5)
    assert run(merger) == {"batchItemFailures": []}
    before = FrozenClock().instant - timedelta(minutes=10)
    assert merger.calls == [(UsageScope("o", "m", "a"), "2026-01", before)] * 4


def test_it_ends_in_time() -> None:
    merger = Merger(100)
    assert run(merger, 900_000, 59_000) == {"batchItemFailures": []}
    assert len(merger.calls) == 1


@pytest.mark.parametrize("fault", [UnavailableError("busy"), RuntimeError("broken")])
def test_a_message_that_failed_comes_again(fault: Exception) -> None:
    assert run(Merger(1, fault=fault)) == {"batchItemFailures": [{"itemIdentifier": "1"}]}

"""Reading many items of a store that answers with a part of them."""

from dataclasses import dataclass
from typing import Any

import pytest

from usance.adapters.dynamodb import batch_reads
from usance.adapters.dynamodb.batch_reads import BATCH_ATTEMPTS_MAX, BATCH_GET_MAX, read_items
from usance.domain.kernel.errors import UnavailableError

KEYS = [{"pk": {"S": str(number)}} for number in range(BATCH_GET_MAX + 50)]


@dataclass
class Throttled:
    """Leaves out the last key of each request, `times` times."""

    times: int
    requests: int = 0

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self.requests += 1
        keys = request["RequestItems"]["table"]["Keys"]
        assert 1 <= len(keys) <= BATCH_GET_MAX
        assert request["RequestItems"]["table"]["ConsistentRead"]
        if self.requests > self.times:
            return {"Responses": {"table": keys}}
        return {"Responses": {"table": keys[:-1]}, "UnprocessedKeys": {"table": {"Keys": keys[-1:]}}}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_reads, "pause", lambda _: None)


def test_no_key_asks_nothing() -> None:
    client = Throttled(0)
    assert list(read_items(client, "table", [])) == []
    assert client.requests == 0


@pytest.mark.parametrize("times", [0, 1, BATCH_ATTEMPTS_MAX - 1])
def test_what_was_left_out_is_asked_for_again(times: int) -> None:
    assert list(read_items(Throttled(times), "table", KEYS)) == KEYS


def test_a_store_that_keeps_leaving_keys_out_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        list(read_items(Throttled(BATCH_ATTEMPTS_MAX), "table", KEYS))

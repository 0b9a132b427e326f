"""Many items put in as few requests as DynamoDB takes, where none has a condition."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.adapters.dynamodb.transactions import pause, store_faults
from usance.domain.kernel.errors import UnavailableError

BATCH_WRITE_MAX: Final = 25  # DynamoDB BatchWriteItem
BATCH_ATTEMPTS_MAX: Final = 8  # unprocessed items mean throttling; then the client may repeat


def put_items(client: Any, table: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Put all, at most `BATCH_WRITE_MAX`, of which no two have one key. `UnavailableError` when any may be missing."""
    wanted: Sequence[Mapping[str, Any]] = [{"PutRequest": {"Item": item}} for item in items]
    for attempt in range(BATCH_ATTEMPTS_MAX):
        if attempt:
            pause(attempt)
        with store_faults():
            answer = client.batch_write_item(RequestItems={table: wanted})
        wanted = answer.get("UnprocessedItems", {}).get(table, [])
        if not wanted:
            return
    raise UnavailableError("the store is busy; repeat the request")

"""Many items by their keys, in as few requests as DynamoDB takes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from usance.adapters.dynamodb.transactions import pause, store_faults
from usance.domain.kernel.errors import UnavailableError

BATCH_GET_MAX: Final = 100  # DynamoDB BatchGetItem
BATCH_ATTEMPTS_MAX: Final = 8  # unprocessed keys mean throttling; then the client may repeat


def read_items(client: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items that exist, strongly consistent, in any order. `keys` names none twice.

    `UnavailableError` when the store keeps leaving keys out.
    """
    for start in range(0, len(keys), BATCH_GET_MAX):
        yield from _read_batch(client, table, keys[start : start + BATCH_GET_MAX])


def _read_batch(client: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    wanted: Sequence[Mapping[str, Any]] = keys
    for attempt in range(BATCH_ATTEMPTS_MAX):
        if attempt:
            pause(attempt)
        with store_faults():
            answer = client.batch_get_item(RequestItems={table: {"Keys": wanted, "ConsistentRead": True}})
        yield from answer["Responses"].get(table, [])
        wanted = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if not wanted:
            return
    raise UnavailableError("the store is busy; repeat the request")

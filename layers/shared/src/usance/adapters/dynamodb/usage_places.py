"""Where the items of a scope lie, by when they were received.

| item | found by |
|---|---|
| as it was put | the index `received`, which follows the table within moments |
| merged | a row of the table with pk `{org}#{meter}#{account}#merged` and the item's `received` as sk |

The row of a merged item comes with it and goes with it, in one transaction, and is read strongly consistent. So whoever
lists the first kind and then the second misses no measurement, however far the index is behind with merging: what it has
lost by then is in a merged item that has its row. Merged items of before these rows lie in the index, as if they were put.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from usance.adapters.dynamodb.keys import key
from usance.adapters.dynamodb.usage_items import receipt_text, scope_key
from usance.application.ports.usage_log import UsageScope

Place = tuple[str, str]
"""Month and sort key."""

_AFTER_EVERY_SUFFIX: Final = "~"  # sorts behind the `#` that follows a receipt


@dataclass(frozen=True, slots=True)
class UsagePlaces:
    """The items of a scope of which a part was received in `[first, last]`; of merged ones, the earliest part."""

    client: Any
    table: str
    scope: UsageScope

    def put(self, first: datetime, last: datetime) -> Sequence[Place]:
        """Those that the index has."""
        names = {"#partition": "scope", "#received": "received"}
        rows = self._rows(names, scope_key(self.scope), first, last, IndexName="received")
        return [place_of(row["received"]["S"]) for row in rows]

    def merged(self, first: datetime, last: datetime) -> Sequence[Place]:
        """Those that were merged by the time of asking, and not again."""
        names = {"#partition": "pk", "#received": "sk"}
        rows = self._rows(names, _merged_partition(self.scope), first, last, ConsistentRead=True)
        return [place_of(row["sk"]["S"]) for row in rows]

    def _rows(
        self, names: dict[str, str], partition: str, first: datetime, last: datetime, **more: Any
    ) -> Sequence[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#partition = :pk AND #received BETWEEN :first AND :last",
            ExpressionAttributeNames=names,
            ProjectionExpression="#received",
            ExpressionAttributeValues={
                ":pk": {"S": partition},
                ":first": {"S": receipt_text(first)},
                ":last": {"S": receipt_text(last) + _AFTER_EVERY_SUFFIX},
            },
            **more,
        )
        return [row for page in pages for row in page["Items"]]


def place_of(received: str) -> Place:
    """The month and sort key that follow the receipt in an item's `received`."""
    _, month, sort_key = received.split("#", 2)
    return month, sort_key


def merged_row_key(scope: UsageScope, received: str) -> dict[str, Any]:
    """The key of the row by which a merged item is found; the row has nothing else."""
    return key(_merged_partition(scope), received)


def _merged_partition(scope: UsageScope) -> str:
    return f"{scope_key(scope)}#merged"

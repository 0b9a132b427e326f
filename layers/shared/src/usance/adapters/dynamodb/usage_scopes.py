"""Which meters and accounts have usage in which month: a row each, so that nobody is visited in vain.

| attribute | holds |
|---|---|
| pk | `{org}#scopes#{shard}`; the shard follows from meter and account |
| sk | `{yyyy-mm}#{meter}#{account}` |

A row is written before the first measurements of its month. Rows have no other attribute, so that writing one again
changes nothing.
"""

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from usance.adapters.dynamodb.keys import key
from usance.application.ports.usage_log import UsageBatch, UsageScope

SHARDS: Final = 8  # a month may begin for thousands of accounts in the same second
KNOWN_MAX: Final = 50_000  # some 10 MB of a process; beyond it rows are written again, which costs a unit each
_AFTER_EVERY_SUFFIX: Final = "~"  # sorts behind the `#` that follows a month

_Row = tuple[str, str]


class UsageScopes:
    """The rows of one table, remembered once they are written."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._known: set[_Row] = set()

    def record(self, batches: Sequence[UsageBatch]) -> None:
        """Make the rows of these batches."""
        rows = dict.fromkeys(_row(batch.scope, batch.month) for batch in batches)
        for row in rows:
            if row not in self._known:
                self._client.put_item(TableName=self._table, Item=key(*row))
                if len(self._known) >= KNOWN_MAX:
                    self._known.clear()
                self._known.add(row)

    def find(self, org_id: str, months: Sequence[str]) -> Sequence[UsageScope]:
        """The scopes with usage from the first of `months` to the last, each once, in ascending order."""
        with ThreadPoolExecutor(SHARDS) as pool:
            shards = pool.map(lambda shard: self._shard(org_id, shard, months[0], months[-1]), range(SHARDS))
            found = {scope for shard in shards for scope in shard}
        return sorted(found, key=lambda scope: (scope.meter_id, scope.account_id))

    def _shard(self, org_id: str, shard: int, first: str, last: str) -> list[UsageScope]:
        """Strongly consistent: what was accepted is found."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": _partition(org_id, shard)},
                ":first": {"S": first},
                ":last": {"S": last + _AFTER_EVERY_SUFFIX},
            },
        )
        parts = (row["sk"]["S"].split("#") for page in pages for row in page["Items"])
        return [UsageScope(org_id, meter_id, account_id) for _, meter_id, account_id in parts]


def _row(scope: UsageScope, month: str) -> _Row:
    place = f"{scope.meter_id}#{scope.account_id}"
    return _partition(scope.org_id, zlib.crc32(place.encode()) % SHARDS), f"{month}#{place}"


def _partition(org_id: str, shard: int) -> str:
    return f"{org_id}#scopes#{shard}"

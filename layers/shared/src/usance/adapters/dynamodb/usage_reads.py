"""Fetching the items that a read of usage needs, in parallel and no more than that."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.adapters.dynamodb.keys import key
from usance.adapters.dynamodb.transactions import pause
from usance.adapters.dynamodb.usage_items import partition, receipt_text, scope_key
from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import UsageScope
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.counting import WINDOW_DAYS
from usance.domain.metering.instants import instant_of, microseconds, months_between

PARALLEL_READS_MAX: Final = 8  # of the client's 32 connections
KEYS_PER_GET: Final = 100  # DynamoDB BatchGetItem
LOOKS_MAX: Final = 8  # some seconds
GET_ROUNDS_MAX: Final = 50  # BatchGetItem leaves keys unread beyond 16 MB an answer, or when it is throttled
ITEM_BYTES: Final = 300  # what an item is besides its columns: keys, names, figures

_AFTER_EVERY_SUFFIX: Final = "~"  # sorts behind the `#` that follows a receipt

_Place = tuple[str, str]


class UsageReads:
    """Reads of one scope."""

    def __init__(self, client: Any, table: str, scope: UsageScope) -> None:
        self._client = client
        self._table = table
        self._scope = scope

    def stored(
        self, start: datetime, end: datetime, codes: Sequence[str] | None, budget: ReadBudget | None = None
    ) -> Stored:
        """The items with measurements in `[start, end)`, with the fields `codes`, and those that may hold earlier copies.

        Without `codes` whole measurements: all fields, and `ets`. `TooMuchUsageError` when it is more than `budget` has left.
        """
        low, high = microseconds(start), microseconds(end)
        if low >= high:
            return Stored(())
        months = months_between(low, high)
        with ThreadPoolExecutor(PARALLEL_READS_MAX) as pool:
            found = pool.map(lambda month: list(self._month(month, low, high, codes, budget)), months)
            items = [item for month in found for item in month]
            if not items:
                return Stored(())
            return Stored(items, self._others(items, pool, budget))

    def _others(
        self, items: Sequence[StoredItem], pool: ThreadPoolExecutor, budget: ReadBudget | None
    ) -> Sequence[StoredItem]:
        """The items that may hold earlier copies. One that is gone has been merged: where to is looked up again."""
        own = {item.place for item in items}
        for attempt in range(LOOKS_MAX):
            places = [place for place in self._received_near(items) if place not in own]
            parts = [places[at : at + KEYS_PER_GET] for at in range(0, len(places), KEYS_PER_GET)]
            others = [item for part in pool.map(lambda part: list(self._uids(part, budget)), parts) for item in part]
            if len(others) == len(places):
                return others
            pause(attempt)  # the index follows the table within moments
        raise UnavailableError("measurements are being merged; ask again")

    def _month(
        self, month: str, low: int, high: int, codes: Sequence[str] | None, budget: ReadBudget | None
    ) -> Iterable[StoredItem]:
        """Strongly consistent: what was accepted is counted."""
        wanted = {f"#c{at}": code for at, code in enumerate(codes or ())}
        attributes = ["received", "rcv", "n", "ts", "uid", *(["ets", "fields"] if codes is None else [])]
        names = {f"#{name}": name for name in (*attributes, "pk", "lo", "hi")} | wanted
        projection = [f"#{name}" for name in attributes] + [f"#fields.{name}" for name in wanted]
        names |= {"#fields": "fields"} if wanted else {}
        values = {":pk": {"S": partition(self._scope, month)}, ":low": {"N": str(low)}, ":high": {"N": str(high)}}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#pk = :pk",
            FilterExpression="#hi >= :low AND #lo < :high",
            ProjectionExpression=", ".join(projection),
            ExpressionAttributeNames=names,  # some of the names, and some fields of meters, are reserved words
            ExpressionAttributeValues=values,
        )
        for page in pages:
            for row in page["Items"]:
                item = stored_item(month, row)
                if budget:
                    budget.spend(item.count, _bytes(item))
                yield item

    def _received_near(self, items: Sequence[StoredItem]) -> list[_Place]:
        """Where items lie that were received from 35 days before the first of `items` to the last.

        A merged item is found by its earliest receipt; the others are of the same day.
        """
        first = instant_of(min(item.received for item in items)) - timedelta(days=WINDOW_DAYS + 1)
        last = instant_of(max(item.received for item in items)) + timedelta(days=1)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="received",
            KeyConditionExpression="#scope = :scope AND #received BETWEEN :first AND :last",
            ExpressionAttributeNames={"#scope": "scope", "#received": "received"},
            ProjectionExpression="#received",
            ExpressionAttributeValues={
                ":scope": {"S": scope_key(self._scope)},
                ":first": {"S": receipt_text(first)},
                ":last": {"S": receipt_text(last) + _AFTER_EVERY_SUFFIX},
            },
        )
        return [_place(row["received"]["S"]) for page in pages for row in page["Items"]]

    def _uids(self, places: Sequence[_Place], budget: ReadBudget | None) -> Iterable[StoredItem]:
        wanted = [key(partition(self._scope, month), sort_key) for month, sort_key in places]
        for _ in range(GET_ROUNDS_MAX):
            request = {
                "Keys": wanted,
                "ProjectionExpression": "#received, #rcv, #n, #uid",
                "ExpressionAttributeNames": {"#received": "received", "#rcv": "rcv", "#n": "n", "#uid": "uid"},
            }
            answer = self._client.batch_get_item(RequestItems={self._table: request})
            for row in answer["Responses"].get(self._table, ()):
                item = stored_item(_place(row["received"]["S"])[0], row)
                if budget:
                    budget.spend(0, _bytes(item))  # nothing of it is shown
                yield item
            wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ())
            if not wanted:
                return
        raise UnavailableError("the store of measurements is busy; ask again")


def stored_item(month: str, row: Mapping[str, Any]) -> StoredItem:
    """An item, or the part of one that was asked for, as it comes from the client."""
    receipt, _, _ = row["received"]["S"].partition("#")
    return StoredItem(
        place=(month, _place(row["received"]["S"])[1]),
        received=microseconds(datetime.fromisoformat(receipt)),
        count=int(row["n"]["N"]),
        uids=row["uid"]["B"],
        ts=row["ts"]["B"] if "ts" in row else b"",
        ets=row["ets"]["B"] if "ets" in row else b"",
        receipts=row["rcv"]["B"] if "rcv" in row else b"",
        fields={code: value["B"] for code, value in row.get("fields", {}).get("M", {}).items()},
    )


def _bytes(item: StoredItem) -> int:
    packed = (item.uids, item.ts, item.ets, item.receipts, *item.fields.values())
    return ITEM_BYTES + sum(map(len, packed))


def _place(received: str) -> _Place:
    """The month and sort key that follow the receipt in the key of the index."""
    _, month, sort_key = received.split("#", 2)
    return month, sort_key

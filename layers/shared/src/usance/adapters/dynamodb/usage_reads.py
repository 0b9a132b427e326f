"""Fetching the items that a read of usage needs, in parallel and no more than that."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.adapters.dynamodb.keys import key
from usance.adapters.dynamodb.transactions import pause
from usance.adapters.dynamodb.usage_items import partition
from usance.adapters.dynamodb.usage_places import Place, UsagePlaces, place_of
from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import UsageScope
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.counting import WINDOW_DAYS
from usance.domain.metering.instants import instant_of, microseconds, months_between

PARALLEL_READS_MAX: Final = 8  # of the client's 32 connections
KEYS_PER_GET: Final = 100  # DynamoDB BatchGetItem
LOOKS_MAX: Final = 8  # a month would have to be merged between any two of them
GET_ROUNDS_MAX: Final = 50  # BatchGetItem leaves keys unread beyond 16 MB an answer, or when it is throttled
ITEM_BYTES: Final = 300  # what an item is besides its columns: keys, names, figures


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
        """The items that may hold earlier copies: received from 35 days before the first of `items` to the last.

        What the index has lost to merging, and what is gone when it is fetched, is in a merged item by then: these are
        listed last, again when one of them is gone. What is gone at the next look too, and has its row, is no longer anywhere;
        that is for an audit to tell.
        """
        places = UsagePlaces(self._client, self._table, self._scope)
        # A merged item is found by its earliest receipt; the others are of the same day.
        first = instant_of(min(item.received for item in items)) - timedelta(days=WINDOW_DAYS + 1)
        last = instant_of(max(item.received for item in items)) + timedelta(days=1)
        met = {item.place for item in items}
        others = self._fetched([place for place in places.put(first, last) if place not in met], pool, budget)
        gone: set[Place] = set()
        for attempt in range(LOOKS_MAX):
            met |= {item.place for item in others}
            left = [place for place in places.merged(first, last) if place not in met]
            found = self._fetched(left, pool, budget)
            others += found
            missing = set(left) - {item.place for item in found}
            if missing <= gone:
                return others
            gone = missing
            pause(attempt)
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

    def _fetched(
        self, places: Sequence[Place], pool: ThreadPoolExecutor, budget: ReadBudget | None
    ) -> list[StoredItem]:
        """The items at these places but for those that are gone, which is certain of none until it is asked for twice."""
        found: list[StoredItem] = []
        left = places
        for consistent in (False, True):
            parts = [left[at : at + KEYS_PER_GET] for at in range(0, len(left), KEYS_PER_GET)]
            fetched = pool.map(lambda part, sure=consistent: list(self._uids(part, budget, consistent=sure)), parts)
            found += [item for part in fetched for item in part]
            there = {item.place for item in found}
            left = [place for place in places if place not in there]
        return found

    def _uids(self, places: Sequence[Place], budget: ReadBudget | None, *, consistent: bool) -> Iterable[StoredItem]:
        wanted = [key(partition(self._scope, month), sort_key) for month, sort_key in places]
        for _ in range(GET_ROUNDS_MAX):
            request = {
                "Keys": wanted,
                "ConsistentRead": consistent,
                "ProjectionExpression": "#received, #rcv, #n, #uid",
                "ExpressionAttributeNames": {"#received": "received", "#rcv": "rcv", "#n": "n", "#uid": "uid"},
            }
            answer = self._client.batch_get_item(RequestItems={self._table: request})
            for row in answer["Responses"].get(self._table, ()):
                item = stored_item(place_of(row["received"]["S"])[0], row)
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
        place=(month, place_of(row["received"]["S"])[1]),
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

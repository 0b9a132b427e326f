"""The log of events in DynamoDB (items and indexes: `event_items.py`)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from botocore.exceptions import ClientError

from usance.adapters.clock import SystemClock
from usance.adapters.dynamodb.batch_reads import read_items
from usance.adapters.dynamodb.event_items import (
    ALL,
    AT,
    INDEXES,
    SHARDS,
    VALUE_MAX_CHARS,
    Index,
    is_id,
    key,
    to_event,
    to_item,
)
from usance.adapters.dynamodb.transactions import store_faults
from usance.application.paging import decode_token, encode_token
from usance.application.ports.clock import Clock
from usance.application.ports.entities import Page
from usance.application.ports.events import Event, EventQuery, to_wire
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants

READS_MAX: Final = 20  # per shard and page; all but the first of 1 MB, some 2,000 entries, when filters match few


class DynamoEventLog:
    """`EventLog` over one table. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str, clock: Clock | None = None) -> None:
        self._client = client
        self._table = table
        self._clock = clock or SystemClock()

    def append(self, event: Event) -> bool:
        """See the port."""
        try:
            with store_faults():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item(event, self._clock.now()),
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def get(self, org_id: str, event_id: str) -> Event | None:
        """See the port."""
        if not is_id(event_id):
            return None
        with store_faults():
            answer = self._client.get_item(TableName=self._table, Key=key(org_id, event_id), ConsistentRead=True)
        item = answer.get("Item")
        return to_event(item) if item and self._live(item) else None

    def get_many(self, org_id: str, ids: Sequence[str]) -> Sequence[Event]:
        """See the port."""
        unique = list(dict.fromkeys(ids))
        wanted = [key(org_id, id_) for id_ in unique if is_id(id_)]
        items = read_items(self._client, self._table, wanted)
        found = {item["id"]["S"]: to_event(item) for item in items if self._live(item)}
        return [found[id_] for id_ in unique if id_ in found]

    def mark_actioned(self, org_id: str, event_id: str, at: datetime) -> Event | None:
        """See the port."""
        if not is_id(event_id):
            return None
        try:
            with store_faults():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=key(org_id, event_id),
                    UpdateExpression="SET actioned = if_not_exists(actioned, :at)",
                    ConditionExpression="expires > :now",
                    ExpressionAttributeValues={
                        ":at": {"S": instants.to_text(at)},
                        ":now": {"N": str(int(self._clock.now().timestamp()))},
                    },
                    ReturnValues="ALL_NEW",
                )
        except ClientError as fault:
            if fault.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return to_event(answer["Attributes"])

    def list_page(self, org_id: str, query: EventQuery, *, page_size: int, next_token: str | None) -> Page:
        """See the port. Shards are read side by side and merged; the page ends where the least read shard ended."""
        below = decode_token(next_token, AT) if next_token else None
        shards = self._read_shards(org_id, query, page_size, below)
        horizon = max((shard.end for shard in shards if shard.end is not None), default="")
        places = sorted((place for shard in shards for place in shard.places if place >= horizon), reverse=True)
        page = places[:page_size]
        rest = len(places) > page_size or horizon
        token = (page[-1] if len(places) > page_size else horizon) if rest else None
        events = self.get_many(org_id, [place.partition("#")[2] for place in page])
        return Page([to_wire(event) for event in events], encode_token(token) if token else None)

    def _read_shards(self, org_id: str, query: EventQuery, page_size: int, below: str | None) -> "list[_Shard]":
        unknown = query.filters.keys() - INDEXES.keys()
        if unknown:
            raise InvalidInputError(f"{min(unknown)} is not a filter of events; they are {', '.join(INDEXES)}")
        for name, value in query.filters.items():
            if len(value) > VALUE_MAX_CHARS:
                raise InvalidInputError(f"{name} has {len(value)} characters; the limit is {VALUE_MAX_CHARS}")
        field = next((name for name in INDEXES if name in query.filters), None)
        index = INDEXES[field] if field else ALL
        partitions = [index.partition(org_id, query.filters[field] if field else "", n) for n in range(index.shards)]

        def read(partition: str) -> _Shard:
            return self._read_shard(index, partition, query, page_size, below)

        if len(partitions) == 1:
            return [read(partitions[0])]
        with ThreadPoolExecutor(SHARDS) as pool:
            return list(pool.map(read, partitions))

    def _read_shard(
        self, index: Index, partition: str, query: EventQuery, page_size: int, below: str | None
    ) -> "_Shard":
        request = _request(self._table, index, partition, query, below, int(self._clock.now().timestamp()))
        places: list[str] = []
        start: dict[str, Any] = {"Limit": page_size + 1}
        for _ in range(READS_MAX):
            with store_faults():
                answer = self._client.query(**request, **start)
            places.extend(item["at"]["S"] for item in islice(answer["Items"], page_size + 1 - len(places)))
            if len(places) > page_size:
                return _Shard(places, places[-1])
            if "LastEvaluatedKey" not in answer:
                return _Shard(places, None)
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return _Shard(places, start["ExclusiveStartKey"]["at"]["S"])

    def _live(self, item: dict[str, Any]) -> bool:
        """The store removes an expired item some time after it expired."""
        return int(item["expires"]["N"]) > int(self._clock.now().timestamp())


@dataclass(frozen=True, slots=True)
class _Shard:
    """Places found, descending, and the place down to which the shard was read; None when it was read whole."""

    places: Sequence[str]
    end: str | None


def _request(
    table: str, index: Index, partition: str, query: EventQuery, below: str | None, now_seconds: int
) -> dict[str, Any]:
    names = {"#partition": index.attribute, "#expires": "expires"}
    values = {":partition": {"S": partition}, ":now": {"N": str(now_seconds)}}
    keys, wanted = ["#partition = :partition"], ["#expires > :now"]
    if below is not None:
        keys.append("#at < :below")
        names["#at"], values[":below"] = "at", {"S": below}
    if not query.include_actioned:
        wanted.append("attribute_not_exists(#actioned)")
        names["#actioned"] = "actioned"
    for name, value in query.filters.items():
        if INDEXES[name] is not index:
            wanted.append(f"#{name} = :{name}")
            names[f"#{name}"], values[f":{name}"] = name, {"S": value}
    return {
        "TableName": table,
        "IndexName": index.name,
        "KeyConditionExpression": " AND ".join(keys),
        "FilterExpression": " AND ".join(wanted),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": False,
    }

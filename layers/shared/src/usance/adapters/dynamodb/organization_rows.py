"""All rows of an organization, read by going through a table and written as they were.

Every row of an organization has a partition key that begins with its id, so that none can be forgotten, whatever is
added; what is found before an organization is known lies under `-` (`credentials.ROOT`). Reading goes through the whole
table, other organizations' rows too: a table has no index by organization, and only a backup would use one.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.batch_reads import read_items
from usance.adapters.dynamodb.transactions import pause, store_faults
from usance.application.access.credentials import ROOT
from usance.application.ports.organization_rows import RESTORED, Row, RowPage, Table
from usance.domain.kernel.errors import UnavailableError

_PASSING: Final = (RESTORED, "deleting")  # of a row as it stands in a table at a moment, and of no other
_BATCH_MAX: Final = 25  # DynamoDB BatchWriteItem
_ATTEMPTS_MAX: Final = 8
_WRITERS: Final = 8  # some 2,000 small rows a second
_KEYS: Final = "accessKey"
_USERS: Final = "serviceUser"


class DynamoOrganizationRows:
    """`OrganizationRows` over the tables of a deployment. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, tables: Mapping[Table, str]) -> None:
        self._client = client
        self._tables = tables

    def page(self, table: Table, org_id: str, after: Mapping[str, Any] | None) -> RowPage:
        """See the port: one page of 1 MB of the table."""
        start = {"ExclusiveStartKey": dict(after)} if after else {}
        with store_faults():
            answer = self._client.scan(
                TableName=self._tables[table],
                FilterExpression="begins_with(pk, :own)",
                ExpressionAttributeValues={":own": {"S": f"{org_id}#"}},
                ConsistentRead=True,
                **start,
            )
        return RowPage([_row(item) for item in answer["Items"]], answer.get("LastEvaluatedKey"))

    def keys_to_it(self, org_id: str) -> Sequence[Row]:
        """See the port."""
        users = self._sort_keys(keys.partition(org_id, _USERS, ""))
        found = [
            key_id
            for user in users
            for key_id in self._sort_keys(keys.filter_partition(ROOT, _KEYS, "serviceUserId", user, ""))
        ]
        wanted = [keys.entity_key(ROOT, "organization", org_id), *(keys.entity_key(ROOT, _KEYS, id_) for id_ in found)]
        items = list(read_items(self._client, self._tables[Table.ENTITIES], wanted))
        beside = [
            {**keys.key(pair["L"][0]["S"], pair["L"][1]["S"]), "id": item["id"]}
            for item in items
            for pair in item["keys"]["L"]
        ]
        return sorted((_row(item) for item in (*items, *beside)), key=lambda row: (row["pk"]["S"], row["sk"]["S"]))

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """See the port."""
        batches = [rows[start : start + _BATCH_MAX] for start in range(0, len(rows), _BATCH_MAX)]
        with ThreadPoolExecutor(_WRITERS) as pool:
            for _ in pool.map(lambda batch: self._put(self._tables[table], batch), batches):
                pass

    def _put(self, table: str, rows: Sequence[Row]) -> None:
        waiting = [{"PutRequest": {"Item": {**_item(row), RESTORED: {"BOOL": True}}}} for row in rows]
        for attempt in range(_ATTEMPTS_MAX):
            if attempt:
                pause(attempt)
            with store_faults():
                answer = self._client.batch_write_item(RequestItems={table: waiting})
            waiting = answer.get("UnprocessedItems", {}).get(table, [])
            if not waiting:
                return
        raise UnavailableError("the store is busy; repeat the request")

    def _sort_keys(self, pk: str) -> Iterator[str]:
        with store_faults():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._tables[Table.ENTITIES],
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ProjectionExpression="sk",
                ConsistentRead=True,
            )
            yield from (item["sk"]["S"] for page in pages for item in page["Items"])


def _row(item: Mapping[str, Any]) -> Row:
    return {name: _text(value) for name, value in item.items() if name not in _PASSING}


def _text(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, inner),) = value.items()
    if kind == "B":
        return {kind: base64.b64encode(inner).decode()}
    if kind == "M":
        return {kind: {name: _text(one) for name, one in inner.items()}}
    if kind == "L":
        return {kind: [_text(one) for one in inner]}
    return {kind: sorted(inner) if kind in {"SS", "NS"} else inner}


def _item(row: Row) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, inner),) = value.items()
    if kind == "B":
        return {kind: base64.b64decode(inner)}
    if kind == "M":
        return {kind: {name: _value(one) for name, one in inner.items()}}
    if kind == "L":
        return {kind: [_value(one) for one in inner]}
    return {kind: inner}

"""Entities in DynamoDB: one row each, with rows beside it for unique codes and filters (keys: `keys.py`).

The row holds the document as JSON text in `body`, so every digit survives, and in `keys` the marker and index rows that
it owns, so a change knows what to remove without asking its caller.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from usance.adapters.clock import SystemClock
from usance.adapters.dynamodb import keys
from usance.adapters.dynamodb.batch_reads import read_items
from usance.adapters.dynamodb.entity_steps import CLAIM_SECONDS, Row, change_steps
from usance.adapters.dynamodb.id_pages import page_of
from usance.adapters.dynamodb.id_streams import CHUNK_MAX, AllOf, AnyOf, IdStream, KnownIds, PartitionIds
from usance.adapters.dynamodb.transactions import store_faults, transact
from usance.application.paging import decode_token, encode_token
from usance.application.ports.clock import Clock
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import Claim, Delete, Guard, Page, Put
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources.wire import Document

PAGE_ALL: Final = 100


class DynamoEntityRepository:
    """`EntityRepository` over one table. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str, clock: Clock | None = None) -> None:
        self._client = client
        self._table = table
        self._clock = clock or SystemClock()

    def get(self, org_id: str, type_: str, id_: str) -> Document | None:
        """See the port."""
        row = self._row(org_id, type_, id_)
        return row.document if row else None

    def get_private(self, org_id: str, type_: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """See the port."""
        return {row.id: row.private for row in self._rows(org_id, type_, ids)}

    def get_many(self, org_id: str, type_: str, ids: Sequence[str]) -> Sequence[Document]:
        """See the port."""
        found = {row.id: row.document for row in self._rows(org_id, type_, ids)}
        return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]

    def find_unique(self, org_id: str, type_: str, field_: str, value: str) -> Document | None:
        """See the port."""
        if not keys.is_value(value):
            return None
        pk = keys.unique_partition(org_id, type_, field_, value)
        with store_faults():
            marker = self._client.get_item(
                TableName=self._table, Key=keys.key(pk, keys.UNIQUE_SORT_KEY), ConsistentRead=True
            ).get("Item")
        return self.get(org_id, type_, marker["id"]["S"]) if marker else None

    def taken(self, org_id: str, type_: str, field_: str, values: Sequence[str]) -> frozenset[str]:
        """See the port."""
        wanted = {
            keys.unique_partition(org_id, type_, field_, value): value for value in values if keys.is_value(value)
        }
        markers = [keys.key(pk, keys.UNIQUE_SORT_KEY) for pk in wanted]
        return frozenset(wanted[item["pk"]["S"]] for item in read_items(self._client, self._table, markers))

    def list_page(
        self,
        org_id: str,
        type_: str,
        *,
        filters: Mapping[str, Sequence[str]],
        page_size: int,
        next_token: str | None = None,
        deadline: Deadline | None = None,
    ) -> Page:
        """See the port."""
        limit = decode_token(next_token) if next_token else None
        partitions = keys.partitions(org_id, type_)
        if not filters and len(partitions) == 1:
            return self._plain_page(partitions[0], page_size, limit)
        return page_of(
            self._stream(org_id, type_, filters, page_size, deadline),
            limit,
            page_size,
            deadline,
            lambda ids: self.matching(org_id, type_, ids, filters),
        )

    def list_all(self, org_id: str, type_: str, *, filters: Mapping[str, Sequence[str]]) -> Sequence[Document]:
        """See the port."""
        documents: list[Document] = []
        token: str | None = None
        while True:
            page = self.list_page(org_id, type_, filters=filters, page_size=PAGE_ALL, next_token=token)
            documents.extend(page.data)
            token = page.next_token
            if token is None:
                return documents

    def read_guard(self, org_id: str, name: str) -> Guard:
        """See the port."""
        with store_faults():
            answer = self._client.get_item(TableName=self._table, Key=keys.guard_key(org_id, name), ConsistentRead=True)
        return Guard(name, int(answer["Item"]["moved"]["N"]) if "Item" in answer else 0)

    def claim_deletion(self, org_id: str, type_: str, id_: str) -> Claim:
        """See the port."""
        row = self._row(org_id, type_, id_)
        if row is None:
            raise NotFoundError(f"there is no {type_} {id_}")
        now = int(self._clock.now().timestamp())
        expires = now + CLAIM_SECONDS
        try:
            with store_faults():
                self._client.update_item(
                    TableName=self._table,
                    Key=keys.entity_key(org_id, type_, id_),
                    UpdateExpression="SET deleting = :expires",
                    ConditionExpression="version = :version AND (attribute_not_exists(deleting) OR deleting < :now)",
                    ExpressionAttributeValues={
                        ":expires": {"N": str(expires)},
                        ":version": {"N": str(row.version)},
                        ":now": {"N": str(now)},
                    },
                )
        except ClientError as fault:
            _only_failed_condition(fault)
            raise VersionConflictError(f"the {type_} {id_} is being changed or deleted by another request") from None
        return Claim(type_, id_, row.version, expires)

    def release_deletion(self, org_id: str, claim: Claim) -> None:
        """See the port."""
        try:
            with store_faults():
                self._client.update_item(
                    TableName=self._table,
                    Key=keys.entity_key(org_id, claim.type, claim.id),
                    UpdateExpression="REMOVE deleting",
                    ConditionExpression="deleting = :expires",
                    ExpressionAttributeValues={":expires": {"N": str(claim.expires)}},
                )
        except ClientError as fault:
            _only_failed_condition(fault)

    def commit(self, org_id: str, changes: Sequence[Put | Delete]) -> None:
        """See the port. A delete of any version is decided on the row read here and refused if that row changes."""
        before = self.rows_before(org_id, changes)
        now = int(self._clock.now().timestamp())
        transact(self._client, change_steps(self._table, org_id, changes, before, now))

    def rows_before(self, org_id: str, changes: Sequence[Put | Delete]) -> dict[tuple[str, str], Row | None]:
        """The row that each change replaces, for `change_steps`. Raises what `commit` raises for a stale change."""
        return {(change.type, _id(change)): self._previous(org_id, change) for change in changes}

    def _previous(self, org_id: str, change: Put | Delete) -> Row | None:
        if isinstance(change, Put) and change.expected_version is None:
            return None
        row = self._row(org_id, change.type, _id(change))
        if row is None:
            raise NotFoundError(f"there is no {change.type} {_id(change)}")
        if change.expected_version not in {None, row.version}:
            raise VersionConflictError(
                f"version {change.expected_version} of the {change.type} {row.id} is not its current version "
                f"{row.version}; read it again"
            )
        return row

    def _row(self, org_id: str, type_: str, id_: str) -> Row | None:
        if not keys.is_id(id_):
            return None
        with store_faults():
            answer = self._client.get_item(
                TableName=self._table, Key=keys.entity_key(org_id, type_, id_), ConsistentRead=True
            )
        return Row.read(answer["Item"]) if "Item" in answer else None

    def _rows(self, org_id: str, type_: str, ids: Sequence[str]) -> Iterator[Row]:
        wanted = [keys.entity_key(org_id, type_, id_) for id_ in dict.fromkeys(ids) if keys.is_id(id_)]
        return (Row.read(item) for item in read_items(self._client, self._table, wanted))

    def _plain_page(self, pk: str, page_size: int, limit: str | None) -> Page:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if limit is not None:
            condition, values = "pk = :pk AND sk < :limit", {**values, ":limit": {"S": limit}}
        documents: list[Document] = []
        start: dict[str, Any] = {}
        while len(documents) <= page_size:
            with store_faults():
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ScanIndexForward=False,
                    ConsistentRead=True,
                    Limit=page_size + 1 - len(documents),
                    **start,
                )
            documents.extend(Row.read(item).document for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return _page(documents, page_size)

    def _stream(
        self, org_id: str, type_: str, filters: Mapping[str, Sequence[str]], page_size: int, deadline: Deadline | None
    ) -> IdStream:
        chunk = page_size + 1 if len(filters) == 1 else CHUNK_MAX
        streams: list[IdStream] = []
        for field, values in filters.items():
            if field == "id":
                streams.append(KnownIds(values))
                continue
            streams.append(
                AnyOf(
                    [
                        PartitionIds(self._client, self._table, pk, chunk)
                        for value in dict.fromkeys(values)
                        if keys.is_value(value)
                        for pk in (
                            *keys.filter_partitions(org_id, type_, field, value),
                            *keys.wide_partitions(org_id, type_, field, [value]),
                        )
                    ]
                )
            )
        if not streams:
            streams = [
                AnyOf([PartitionIds(self._client, self._table, pk, chunk) for pk in keys.partitions(org_id, type_)])
            ]
        return AllOf(streams, deadline)

    def matching(
        self, org_id: str, type_: str, ids: Sequence[str], filters: Mapping[str, Sequence[str]]
    ) -> Iterator[Document]:
        """In the order of `ids`; without a row that has gone meanwhile, or that is in a bucket for another value."""
        rows = {row.id: row for row in self._rows(org_id, type_, ids)}
        for row in (rows[id_] for id_ in ids if id_ in rows):
            if all(held.intersection(filters[name]) for name, held in row.wide.items() if name in filters):
                yield row.document


def _page(documents: Sequence[Document], page_size: int) -> Page:
    if len(documents) <= page_size:
        return Page(tuple(documents), None)
    return Page(tuple(documents[:page_size]), encode_token(documents[page_size - 1]["id"]))


def _id(change: Put | Delete) -> str:
    return str(change.document["id"]) if isinstance(change, Put) else change.id


def _only_failed_condition(fault: ClientError) -> None:
    if fault.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise fault

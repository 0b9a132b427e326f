"""Measurements in DynamoDB: one packed item per request, meter, account and month.

| attribute | holds |
|---|---|
| pk | `{org}#{meter}#{account}#{yyyy-mm}`, the month of `ts` in UTC |
| sk | `{dd}#{digest}`, the day of the earliest `ts` and the digest of the content: a repeated request meets its own item |
| received | `{receipt}#{yyyy-mm}#{sk}`; with scope, `{org}#{meter}#{account}`, the keys of the index `received` |
| scope | of items that were not merged; merged ones are found by rows of their own (`usage_places`) |
| n, lo, hi | how many measurements, and the least and greatest `ts` in microseconds |
| rcv | the receipt of each measurement, of items that were merged (`usage_merging`) |
| tally | the figures of the measurements as they were accepted, which the receipt repeats (`usage_receipts`) |
| ts, ets, uid, fields | packed columns (`usance.adapters.packing`); `fields` is a map by field code |

Copies of a measurement are found when reading: items of the scope received up to 35 days before those of the span, whatever
their `ts`, are looked up by their receipts, and their uids compared. The index follows the table within moments, so a copy
sent seconds ago in another month may be seen a moment late; it is then left out by the next read.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

from usance.adapters.dynamodb.batch_writes import BATCH_WRITE_MAX, put_items
from usance.adapters.dynamodb.transactions import store_faults
from usance.adapters.dynamodb.usage_items import Item, packed_items
from usance.adapters.dynamodb.usage_receipts import receipt_of
from usance.adapters.dynamodb.usage_scopes import UsageScopes
from usance.application.ports.read_budget import ReadBudget
from usance.application.ports.usage_log import (
    AggregatedRow,
    AggregationQuery,
    HeldMeasurements,
    Measurement,
    Repeats,
    UsageBatch,
    UsageScope,
)
from usance.domain.kernel.errors import UnavailableError
from usance.domain.metering.custom_sql import CustomSql
from usance.domain.metering.instants import microseconds, months_between

PARALLEL_CALLS_MAX: Final = 16  # of the client's 32 connections


class DynamoUsageLog:
    """`UsageWriter` and `UsageReader` over one table. Only `aggregate` loads numpy and DuckDB."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._scopes = UsageScopes(client, table)

    def append(self, batches: Sequence[UsageBatch]) -> None:
        with store_faults():
            self._scopes.record(batches)  # first: a row too many finds nothing, one too few would hide usage
        items = [item for batch in batches for item in packed_items(batch)]
        if len(items) == 1:
            receipt = self._put(items[0])
            with store_faults():
                self._client.put_item(TableName=self._table, Item=receipt)
            return
        with ThreadPoolExecutor(PARALLEL_CALLS_MAX) as pool:
            receipts = list({str(one["pk"]) + str(one["sk"]): one for one in pool.map(self._put, items)}.values())
            parts = [receipts[at : at + BATCH_WRITE_MAX] for at in range(0, len(receipts), BATCH_WRITE_MAX)]
            list(pool.map(lambda part: put_items(self._client, self._table, part), parts))

    def scopes(self, org_id: str, start: datetime, end: datetime) -> Sequence[UsageScope]:
        low, high = microseconds(start), microseconds(end)
        if low >= high:
            return []
        with store_faults():
            return self._scopes.find(org_id, months_between(low, high))

    def measurements(
        self,
        scope: UsageScope,
        start: datetime,
        end: datetime,
        *,
        where: Mapping[str, Sequence[str]],
        limit: int,
        budget: ReadBudget | None = None,
    ) -> Sequence[Measurement]:
        from usance.adapters.duckdb.measurements import measured
        from usance.adapters.dynamodb.usage_reads import UsageReads

        with store_faults():
            stored = UsageReads(self._client, self._table, scope).stored(start, end, None, budget)
        return measured(stored, scope, start, end, where, limit)

    def aggregate(
        self,
        scope: UsageScope,
        start: datetime,
        end: datetime,
        queries: Sequence[AggregationQuery],
        *,
        budget: ReadBudget | None = None,
        repeats: Repeats | None = None,
    ) -> Sequence[Sequence[AggregatedRow]]:
        from usance.adapters.duckdb.aggregate import aggregated
        from usance.adapters.dynamodb.usage_reads import UsageReads

        whole = any(query.sql for query in queries)
        codes = {
            code for query in queries for code in (query.target_field, *query.group_by, *query.where, *query.without)
        }
        with store_faults():
            reads = UsageReads(self._client, self._table, scope)
            stored = reads.stored(start, end, None if whole else sorted(codes), budget)
        return aggregated(stored, start, end, queries, (scope, repeats) if repeats else None)

    def answer(self, sql: CustomSql, parts: Sequence[HeldMeasurements]) -> Decimal | None:
        from usance.adapters.duckdb.custom_sql import answered
        from usance.adapters.duckdb.usage import Usage

        return answered([part for part in parts if isinstance(part, Usage)], sql)

    def _put(self, item: Item) -> Item:
        """Put an item; its receipt, to be put then. The same content that is stored already keeps its first receipt."""
        try:
            with store_faults():
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item |= self._accepted_before(item)
        return receipt_of(item)

    def _accepted_before(self, item: Item) -> Item:
        """When an item that is there was received, and its figures: what is derived may come out differently by now."""
        with store_faults():
            found = self._client.get_item(
                TableName=self._table,
                Key={name: item[name] for name in ("pk", "sk")},
                ConsistentRead=True,
                ProjectionExpression="received, tally",
            )
        if "Item" not in found:
            raise UnavailableError("the measurements were being merged; repeat the request")
        return dict(found["Item"])

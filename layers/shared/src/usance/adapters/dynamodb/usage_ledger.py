"""Measurements in DynamoDB as an auditor reads them: neither the readers of bills nor their libraries take part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from usance.adapters import unpacking
from usance.adapters.dynamodb.transactions import store_faults
from usance.adapters.dynamodb.usage_items import Item, partition
from usance.adapters.dynamodb.usage_places import UsagePlaces
from usance.adapters.dynamodb.usage_receipts import from_text, receipt_key, receipts_partition
from usance.application.ports.usage_ledger import DamagedItemError, Receipt
from usance.application.ports.usage_log import UsageScope
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import microseconds
from usance.domain.metering.tally import Tally

_MERGED: Final = "m"  # what the sort key of a merged item begins with (`usage_merging`)


class DynamoUsageLedger:
    """`UsageLedger` over the table of measurements."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def receipts(self, scope: UsageScope, month: str) -> Iterator[Receipt]:
        for row in self._rows(receipts_partition(partition(scope, month))):
            key = row["sk"]["S"]
            yield Receipt(key, microseconds(datetime.fromisoformat(key.rpartition("#")[2])), _tally(row))

    def batches(self, scope: UsageScope, month: str) -> Iterator["PackedBatch"]:
        for row in self._rows(partition(scope, month)):
            yield PackedBatch(month, row)

    def months_received(self, scope: UsageScope, start: datetime, end: datetime) -> Sequence[str]:
        places = UsagePlaces(self._client, self._table, scope)
        with store_faults():
            put = places.put(start, end)  # first: what the index has lost to merging has its row by then
            return sorted({month for month, _ in (*put, *places.merged(start, end))})

    def _rows(self, key: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
        )
        with store_faults():
            for page in pages:
                yield from page["Items"]


def _tally(row: Item) -> Tally | None:
    try:
        return from_text(row["tally"]["S"])
    except (KeyError, *unpacking.FAULTS):
        return None


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """`StoredBatch` over an item as the client gives it."""

    month: str
    row: Item

    @property
    def place(self) -> tuple[str, str]:
        return self.month, self._key

    @property
    def count(self) -> int:
        return int(self.row["n"]["N"])

    @property
    def merged(self) -> bool:
        return self._key.startswith(_MERGED)

    @property
    def receipt_key(self) -> str:
        receipt, _, _ = self.row["received"]["S"].partition("#")
        return receipt_key(self._key, receipt)

    def accepted(self) -> Tally | None:
        return _tally(self.row)

    def uids(self) -> Sequence[str]:
        found: Sequence[str] = self._checked("uid", unpacking.uids)
        return found

    def received(self) -> Sequence[int]:
        if "rcv" in self.row:
            return self._whole("rcv")
        receipt, _, _ = self.row["received"]["S"].partition("#")
        return [microseconds(datetime.fromisoformat(receipt))] * self.count

    def columns(self) -> Columns:
        fields: dict[str, bytes] = {code: blob["B"] for code, blob in self.row["fields"]["M"].items()}
        of_texts = {code for code, blob in fields.items() if unpacking.holds_texts(blob)}
        return Columns(
            self.uids(),
            self._whole("ts"),
            self._checked("ets", unpacking.integers) if "ets" in self.row else [None] * self.count,
            {
                code: self._opened(code, blob, unpacking.numbers)
                for code, blob in fields.items()
                if code not in of_texts
            },
            {code: self._opened(code, fields[code], unpacking.texts) for code in sorted(of_texts)},
        )

    @property
    def _key(self) -> str:
        return str(self.row["sk"]["S"])

    def _whole(self, name: str) -> Sequence[int]:
        found: Sequence[int] = self._checked(name, unpacking.integers)
        if None in found:
            raise self._damaged(name, ValueError("a value is missing"))
        return found

    def _checked(self, name: str, open_: Any) -> Any:
        return self._opened(name, self.row.get(name, {}).get("B", b""), open_)

    def _opened(self, name: str, blob: bytes, open_: Any) -> Any:
        try:
            found = open_(blob)
        except unpacking.FAULTS as fault:
            raise self._damaged(name, fault) from fault
        if len(found) != self.count:
            raise self._damaged(name, ValueError(f"{len(found)} values of {self.count} measurements"))
        return found

    def _damaged(self, name: str, fault: Exception) -> DamagedItemError:
        return DamagedItemError(f"the item {self._key} of {self.month} cannot be read, at {name}: {fault}")

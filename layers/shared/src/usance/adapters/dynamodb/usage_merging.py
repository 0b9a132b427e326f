"""Many small items of a month made into few, without a moment at which a measurement is missing or counts twice.

| key of an item | holds |
|---|---|
| `{dd}#{digest}` | the measurements of one request |
| `m{level}{dd}#{digest}` | those of many; each measurement keeps its receipt, in `rcv` |

One transaction puts the merged item, with the row by which it is found (`usage_places`), and deletes its parts with theirs.
A merged item sorts behind its parts, so that a reader who has
passed the place of a part, and finds the next ones gone, still comes to it. A reader who saw a part and its merged item has two
copies of a measurement with one receipt, of which one counts, as always. The parts of an item were received on one day, so
that the row, which knows the earliest receipt alone, is off by a day at most.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from usance.adapters.dynamodb.keys import key
from usance.adapters.dynamodb.transactions import ITEMS_MAX, Step, store_faults, transact
from usance.adapters.dynamodb.usage_items import ITEM_MAX_BYTES, Item, partition, receipt_text
from usance.adapters.dynamodb.usage_places import merged_row_key
from usance.application.ports.usage_log import UsageScope
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.metering.instants import DAY_MICROSECONDS, instant_of, microseconds

PARTS_MIN: Final = 16  # fewer are not worth a transaction, which costs twice the units of a plain write
PARTS_MAX: Final = ITEMS_MAX - 2  # of a transaction: the merged item, its row, and a deletion for each part
MERGED_PARTS_MAX: Final = PARTS_MAX // 2  # of parts that are merged themselves, and have rows to delete
ROWS_SMALL: Final = 5_000  # an item of more is large enough
LEVELS: Final = 4  # 11 million items of one measurement; ROWS_SMALL ends it before
GROUPS_MAX: Final = 200  # transactions of one call: some ten seconds

_SK_DIGEST_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class _Part:
    """An item that may be merged, as it is stored."""

    row: Item
    received: int
    size: int

    @property
    def sort_key(self) -> str:
        return str(self.row["sk"]["S"])

    @property
    def merged(self) -> bool:
        """Whether it was made of others, and has a row."""
        return self.sort_key.startswith("m")

    def kinds(self) -> Mapping[str, bool]:
        """By field, whether it holds texts."""
        from usance.adapters.packing import Kind

        return {code: blob["B"][0] == Kind.DICTIONARY for code, blob in self.row["fields"]["M"].items()}


class DynamoUsageMerger:
    """`UsageMerger` over the table of measurements."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def merge(self, scope: UsageScope, month: str, received_before: datetime) -> int:
        """See the port."""
        merged = 0
        for level in range(LEVELS):
            most = MERGED_PARTS_MAX if level else PARTS_MAX
            for group in _groups(self._small(scope, month, level, received_before), most):
                if merged == GROUPS_MAX:
                    return merged
                merged += self._merge(scope, month, level + 1, group)
        return merged

    def _small(self, scope: UsageScope, month: str, level: int, received_before: datetime) -> Iterator[_Part]:
        """The small items of a level, in the order of their receipts."""
        low, high = ("0", "4") if level == 0 else (f"m{level}", f"m{level}~")
        with store_faults():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
                FilterExpression="n < :large",
                ExpressionAttributeValues={
                    ":pk": {"S": partition(scope, month)},
                    ":low": {"S": low},
                    ":high": {"S": high},
                    ":large": {"N": str(ROWS_SMALL)},
                },
            )
            parts = [_part(row) for page in pages for row in page["Items"]]
        before = microseconds(received_before)
        yield from sorted(
            (part for part in parts if part.received < before), key=lambda part: (part.received, part.sort_key)
        )

    def _merge(self, scope: UsageScope, month: str, level: int, parts: Sequence[_Part]) -> int:
        """How many items were made of the parts; 0 when one of them is gone already."""
        from usance.adapters.duckdb.merging import merged_item
        from usance.adapters.dynamodb.usage_reads import stored_item

        item, first = merged_item([stored_item(month, part.row) for part in parts])
        if _size(item) > ITEM_MAX_BYTES:  # together they may pack worse: one uid that is no UUID makes texts of all
            return sum(self._merge(scope, month, level, half) for half in _halves(parts))
        digest = hashlib.sha256("\n".join(part.sort_key for part in parts).encode()).hexdigest()[:_SK_DIGEST_CHARS]
        sort_key = f"m{level}{instant_of(int(item['lo']['N'])).day:02d}#{digest}"
        received = f"{receipt_text(instant_of(first))}#{month}#{sort_key}"
        keys = key(partition(scope, month), sort_key)
        whole = {**keys, "received": {"S": received}, **item}  # without `scope` it is not in the index
        steps = [
            _step("Put", {"TableName": self._table, "Item": whole, "ConditionExpression": "attribute_not_exists(pk)"}),
            _step("Put", {"TableName": self._table, "Item": merged_row_key(scope, received)}),
            *(step for part in parts for step in self._deletions(scope, month, part)),
        ]
        try:
            transact(self._client, steps)
        except VersionConflictError:
            return 0  # another worker was quicker
        return 1

    def _deletions(self, scope: UsageScope, month: str, part: _Part) -> Iterator[Step]:
        keys = key(partition(scope, month), part.sort_key)
        yield _step("Delete", {"TableName": self._table, "Key": keys, "ConditionExpression": "attribute_exists(pk)"})
        if part.merged:
            row = merged_row_key(scope, part.row["received"]["S"])
            yield _step("Delete", {"TableName": self._table, "Key": row})


def _step(kind: str, request: Mapping[str, Any]) -> Step:
    return Step({kind: request}, lambda _: VersionConflictError("the items were merged meanwhile"))


def _part(row: Item) -> _Part:
    receipt, _, _ = row["received"]["S"].partition("#")
    return _Part(row, microseconds(datetime.fromisoformat(receipt)), _size(row))


def _size(item: Item) -> int:
    """The bytes of the columns."""
    blobs = [item[name]["B"] for name in ("ts", "ets", "uid", "rcv") if name in item]
    fields = [len(code.encode()) + len(blob["B"]) for code, blob in item["fields"]["M"].items()]
    return sum(map(len, blobs)) + sum(fields)


def _halves(parts: Sequence[_Part]) -> Iterator[Sequence[_Part]]:
    """The parts in two groups, cut between two instants as near to the middle as can be; those that are worth it."""
    cuts = [at for at in range(1, len(parts)) if parts[at].received != parts[at - 1].received]
    if cuts:
        cut = min(cuts, key=lambda at: abs(at - len(parts) // 2))
        for half in (parts[:cut], parts[cut:]):
            yield from _worthwhile(half, len(parts))


def _groups(parts: Iterator[_Part], most: int) -> Iterator[Sequence[_Part]]:
    """Runs of parts that can be one item: of one day, of fields of one kind, at most `most`, and together within the limits.

    What was received in one instant stays together, so that the order of copies of that instant stays as it is.
    """
    group: list[_Part] = []
    kinds: dict[str, bool] = {}
    size = 0
    for same in _instants(parts):
        together = {code: text for part in same for code, text in part.kinds().items()}
        bytes_ = sum(part.size for part in same)
        fits = (
            group
            and len(group) + len(same) <= most
            and size + bytes_ <= ITEM_MAX_BYTES
            and same[0].received // DAY_MICROSECONDS == group[0].received // DAY_MICROSECONDS
            and all(kinds.get(code, text) == text for code, text in together.items())
        )
        if not fits:
            yield from _worthwhile(group, most)
            group, kinds, size = [], {}, 0
        group += same
        kinds |= together
        size += bytes_
    yield from _worthwhile(group, most)


def _worthwhile(group: Sequence[_Part], most: int) -> Iterator[Sequence[_Part]]:
    if PARTS_MIN <= len(group) <= most:
        yield group


def _instants(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """The parts by instant of receipt."""
    same: list[_Part] = []
    for part in parts:
        if same and part.received != same[0].received:
            yield same
            same = []
        same.append(part)
    if same:
        yield same

"""Keys of the entities table: where an entity, its codes and its filters lie.

| row | pk | sk |
|---|---|---|
| entity | `{org}#{type}` | id |
| unique value | `{org}#{type}#{field}={value}` | `unique` |
| filter value | `{org}#{type}#{field}={value}` | id |
| filter values of a wide entity | `{org}#{type}#{field}~={bucket}` | id |
| guard | `{org}#guard={name}` | `guard` |

A type in `SHARDED` may pass a million rows or 500 writes a second: its entity and filter partitions are split by the
last digit of the id, but for fields in `NARROW`, of which one value has few. A field in `WIDE` may have more values in one entity than a transaction has room for: the
entity is then found by buckets of values, and its row says which of them it has. No key is ambiguous:
a type has no `#`, a field no `=` or `~`, and the value comes last.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from zlib import crc32

UNIQUE_SORT_KEY: Final = "unique"
GUARD_SORT_KEY: Final = "guard"
SHARDED: Final = frozenset({"bill", "integrationRun"})
NARROW: Final = frozenset({("bill", "accountId")})  # one worker at a time makes an account's bills, a few a day at most
# Beyond so many values an entity is found by buckets; below, an update may put, drop and check a row for each.
WIDE: Final[Mapping[tuple[str, str], int]] = {
    ("commitment", "productId"): 25,
    ("balance", "productId"): 25,
    ("bill", "commitmentId"): 10,
    ("dataExportSchedule", "meterIds"): 8,
    ("dataExportSchedule", "aggregationId"): 8,
    ("dataExportSchedule", "compoundAggregationId"): 8,
}
BUCKETS: Final = 8  # the rows of a wide entity; a list of one value reads an eighth of the wide entities
ID_MAX_BYTES: Final = 200  # ours have 36; DynamoDB refuses sort keys over 1,024
VALUE_MAX_BYTES: Final = 1_500  # DynamoDB refuses partition keys over 2,048; the rest is for organization and type
_DIGITS: Final = "0123456789abcdef"


def partition(org_id: str, type_: str, id_: str) -> str:
    """The partition of an entity's row."""
    return f"{org_id}#{type_}{_shard(type_, id_)}"


def partitions(org_id: str, type_: str) -> tuple[str, ...]:
    """Every partition that holds entities of a type."""
    return tuple(f"{org_id}#{type_}{suffix}" for suffix in _shards(type_))


def filter_partition(org_id: str, type_: str, field: str, value: str, id_: str) -> str:
    """The partition of an entity's index row for one value of a filter."""
    suffix = "" if (type_, field) in NARROW else _shard(type_, id_)
    return f"{org_id}#{type_}#{field}={value}{suffix}"


def filter_partitions(org_id: str, type_: str, field: str, value: str) -> tuple[str, ...]:
    """Every partition that holds index rows for one value of a filter."""
    suffixes = ("",) if (type_, field) in NARROW else _shards(type_)
    return tuple(f"{org_id}#{type_}#{field}={value}{suffix}" for suffix in suffixes)


def is_wide(type_: str, field: str, values: Collection[str]) -> bool:
    """Whether an entity with these values of a filter is found by buckets."""
    return len(values) > WIDE.get((type_, field), len(values))


def wide_partitions(org_id: str, type_: str, field: str, values: Iterable[str]) -> tuple[str, ...]:
    """The partitions of the buckets that hold these values; none for a field that no entity has many of."""
    if (type_, field) not in WIDE:
        return ()
    buckets = sorted({crc32(value.encode()) % BUCKETS for value in values})
    return tuple(f"{org_id}#{type_}#{field}~={bucket}" for bucket in buckets)


def unique_partition(org_id: str, type_: str, field: str, value: str) -> str:
    """The partition of the marker of a unique value."""
    return f"{org_id}#{type_}#{field}={value}"


def guard_key(org_id: str, name: str) -> dict[str, Any]:
    """The primary key of a guard."""
    return key(f"{org_id}#guard={name}", GUARD_SORT_KEY)


def entity_key(org_id: str, type_: str, id_: str) -> dict[str, Any]:
    """The primary key of an entity's row."""
    return key(partition(org_id, type_, id_), id_)


def is_id(text: str) -> bool:
    """Whether `text` can be a sort key; what cannot be one names nothing."""
    return 0 < len(text.encode()) <= ID_MAX_BYTES


def is_value(text: str) -> bool:
    """Whether `text` can be part of a partition key; what cannot be is the value of nothing."""
    return len(text.encode()) <= VALUE_MAX_BYTES


def key(pk: str, sk: str) -> dict[str, Any]:
    """A primary key as DynamoDB takes it."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _shard(type_: str, id_: str) -> str:
    return f"#{id_[-1]}" if type_ in SHARDED else ""


def _shards(type_: str) -> tuple[str, ...]:
    return tuple(f"#{digit}" for digit in _DIGITS) if type_ in SHARDED else ("",)

"""Keys of the entities table: where an entity, its codes and its filters lie.

| row | pk | sk |
|---|---|---|
| entity | `{org}#{type}` | id |
| unique value | `{org}#{type}#{field}={value}` | `unique` |
| filter value | `{org}#{type}#{field}={value}` | id |
| guard | `{org}#guard={name}` | `guard` |

A type in `SHARDED` may pass a million rows or 500 writes a second: its entity and filter partitions are split by the
last digit of the id. No key is ambiguous: a type has no `#`, a field no `=`, and the value comes last.
"""

from typing import Any, Final

UNIQUE_SORT_KEY: Final = "unique"
GUARD_SORT_KEY: Final = "guard"
SHARDED: Final = frozenset({"bill", "integrationRun"})
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
    return f"{org_id}#{type_}#{field}={value}{_shard(type_, id_)}"


def filter_partitions(org_id: str, type_: str, field: str, value: str) -> tuple[str, ...]:
    """Every partition that holds index rows for one value of a filter."""
    return tuple(f"{org_id}#{type_}#{field}={value}{suffix}" for suffix in _shards(type_))


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

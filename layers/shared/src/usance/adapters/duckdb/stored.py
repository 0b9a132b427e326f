"""What the store hands to the aggregation: items of packed measurements, still compressed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One item. `place` (month, sort key) orders items received in the same instant; `fields` holds those asked for."""

    place: tuple[str, str]
    received: int
    count: int
    uids: bytes
    ts: bytes = b""
    ets: bytes = b""  # empty when it was not asked for, or no measurement has one
    fields: Mapping[str, bytes] = field(default_factory=dict)
    receipts: bytes = b""  # of each measurement, where they differ; `received` is then the earliest


@dataclass(frozen=True, slots=True)
class Stored:
    """All that a read needs. `others` are items outside the span that may hold earlier copies; only their uids matter."""

    items: Sequence[StoredItem]
    others: Sequence[StoredItem] = ()

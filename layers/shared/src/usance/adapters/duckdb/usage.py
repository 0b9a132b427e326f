"""The measurements of a span that count, as columns."""

# ruff: noqa: SLF001 -- usages look into others of their own kind

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from usance.adapters.duckdb.columns import (
    Column,
    ExactColumn,
    Indexes,
    Integers,
    ScaledColumn,
    TextColumn,
    column,
    ends,
    has_both,
    instants,
    receipts,
    text_column,
    uid_texts,
)
from usance.adapters.duckdb.once import counted
from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.application.ports.usage_log import Repeat, UsageScope
from usance.domain.metering.instants import microseconds

Whole = TypeVar("Whole", np.int32, np.int64)


class Usage:
    """Columns of the measurements of `[start, end)` that count; each is made when it is first asked for."""

    def __init__(self, stored: Stored, start: datetime, end: datetime) -> None:
        self._items = stored.items
        ts = instants(stored.items)
        counts, inside = counted(stored), (ts >= microseconds(start)) & (ts < microseconds(end))
        kept = counts & inside
        self._copies = np.flatnonzero(inside & ~counts)
        self._rows = np.flatnonzero(kept)
        self._whole = bool(kept.all())
        self._columns: dict[str, Column] = {}
        self._texts: dict[str, TextColumn] = {}
        self.ts = self._picked(ts)
        self.end = microseconds(end)

    def __len__(self) -> int:
        """How many measurements count."""
        return int(self._rows.size)

    def repeats(self, scope: UsageScope, since: int, limit: int) -> list[Repeat]:
        """The copies in the span that do not count and were received at `since` or later."""
        if not self._copies.size:
            return []
        copies = copy(self)
        copies._rows, copies._whole = self._copies, False
        received, ts = copies.received(), copies._picked(instants(self._items))
        late = np.flatnonzero(received >= since)[:limit].tolist()
        uids = copies.receipts(late)
        return [Repeat(scope, uid, int(ts[at]), at_) for at, (at_, uid) in zip(late, uids, strict=True)]

    def where(self, filters: Mapping[str, Sequence[str]], without: Mapping[str, Sequence[str]] | None = None) -> Self:
        """The measurements whose string fields have one of the values, and none of those of `without`."""
        kept = np.ones(len(self), dtype=np.bool_)
        for code, wanted in filters.items():
            kept &= self._has(code, wanted)
        for code, unwanted in (without or {}).items():
            kept &= ~self._has(code, unwanted)
        return self.only(kept)

    def _has(self, code: str, texts: Sequence[str]) -> NDArray[np.bool_]:
        column = self.group(code)
        known = [at for at, text in enumerate(column.distinct) if text in texts]
        return np.isin(column.indexes, known)

    def codes(self) -> Sequence[str]:
        """The fields that any of the measurements may have."""
        return sorted({code for item in self._items for code in item.fields})

    def received(self) -> Integers:
        """When each measurement was received."""
        return self._picked(receipts(self._items))

    def ets(self) -> Integers:
        """When each measurement ended; `NO_VALUE` where it has no end."""
        return self._picked(ends(self._items))

    def values(self, code: str) -> Column:
        """The values of a field."""
        if code not in self._columns:
            found = column(self._items, code)
            match found:
                case ScaledColumn():
                    found = ScaledColumn(self._picked(found.values), found.places)
                case TextColumn():
                    found = TextColumn(self._picked(found.indexes), found.distinct)
                case ExactColumn():
                    found = ExactColumn([found.values[row] for row in self._rows.tolist()])
            self._columns[code] = found
        return self._columns[code]

    def columns(self, code: str) -> Sequence[Column]:
        """The values of a field, which are in two columns where it was text at one time and number at another."""
        if not has_both(self._items, code):
            return [self.values(code)]
        texts = text_column(self._items, code)
        return [self.values(code), TextColumn(self._picked(texts.indexes), texts.distinct)]

    def group(self, code: str) -> TextColumn:
        """The texts of a field to group by; the empty text where a measurement has none."""
        if code not in self._texts:
            found = text_column(self._items, code)
            indexes = self._picked(found.indexes)
            distinct = list(dict.fromkeys([*found.distinct, ""]))
            self._texts[code] = TextColumn(np.where(indexes < 0, distinct.index(""), indexes), distinct)
        return self._texts[code]

    def buckets(self, starts: Sequence[datetime]) -> Indexes:
        """Per measurement the position of its bucket in `starts`, of which the first is the start of the span."""
        edges = np.array([microseconds(start) for start in starts], dtype=np.int64)
        return (np.searchsorted(edges, self.ts, side="right") - 1).astype(np.int32)

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """The measurements of all parts, which share none, as those of one. Parts of one usage share its items."""
        starts: dict[int, int] = {}
        items: list[StoredItem] = []
        rows = 0
        for part in parts:
            if id(part._items) not in starts:
                starts[id(part._items)] = rows
                items.extend(part._items)
                rows += sum(item.count for item in part._items)
        whole = copy(parts[0])
        whole._items, whole._whole, whole._columns, whole._texts = items, False, {}, {}
        whole._rows = np.concatenate([part._rows + starts[id(part._items)] for part in parts])
        whole.ts = np.concatenate([part.ts for part in parts])
        return whole

    def receipts(self, rows: Sequence[int]) -> list[tuple[int, str]]:
        """When each of some measurements was received, and its uid."""
        starts = np.cumsum([0, *(item.count for item in self._items)])
        places = self._rows[np.asarray(rows, dtype=np.int64)]
        owners = np.searchsorted(starts, places, side="right") - 1
        uids = {owner: uid_texts(self._items[owner]) for owner in set(owners.tolist())}
        received = {owner: receipts([self._items[owner]]) for owner in uids}
        return [
            (int(received[owner][within]), uids[owner][within])
            for owner, within in zip(owners.tolist(), (places - starts[owners]).tolist(), strict=True)
        ]

    def only(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """The measurements that `kept` says yes to, or those at its places."""
        narrowed = copy(self)
        narrowed._rows, narrowed._whole = self._rows[kept], False
        narrowed._columns, narrowed._texts = {}, {}
        narrowed.ts = self.ts[kept]
        return narrowed

    def _picked(self, values: NDArray[Whole]) -> NDArray[Whole]:
        return values if self._whole else values[self._rows]

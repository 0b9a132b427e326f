"""Counting once: the measurements that are copies of earlier ones, found by their uids (metering.md 1.4)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from usance.adapters.duckdb.columns import uid_hashes, uid_texts
from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.domain.metering.counting import Copy, repeats


def counted(stored: Stored) -> NDArray[np.bool_]:
    """For every measurement of `stored.items`, whether it counts.

    Equal uids have equal hashes, so when all hashes differ nothing else is looked at; otherwise only the measurements whose
    hashes meet are compared, exactly.
    """
    items = [*stored.items, *stored.others]
    hashes = uid_hashes(items)
    counts = np.ones(sum(item.count for item in stored.items), dtype=np.bool_)
    ordered = np.sort(hashes)
    met = ordered[1:][ordered[1:] == ordered[:-1]]
    if met.size:
        counts[_repeated(items, np.flatnonzero(np.isin(hashes, met)), counts.size)] = False
    return counts


def _repeated(items: Sequence[StoredItem], suspects: NDArray[np.int64], own: int) -> list[int]:
    """Of the suspect rows, those below `own` that do not count."""
    starts = np.cumsum([0, *(item.count for item in items)])
    texts: dict[int, list[str]] = {}
    copies: dict[str, list[tuple[Copy, int]]] = {}
    for row in suspects.tolist():
        index = int(np.searchsorted(starts, row, side="right")) - 1
        item, within = items[index], row - int(starts[index])
        if index not in texts:
            texts[index] = uid_texts(item)
        copy = Copy(item.received, (*item.place, within))
        copies.setdefault(texts[index][within], []).append((copy, row))
    dropped: list[int] = []
    for group in copies.values():
        row_of = dict(group)
        dropped.extend(row_of[copy] for copy in repeats(row_of) if row_of[copy] < own)
    return dropped

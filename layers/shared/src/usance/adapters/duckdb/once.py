"""Counting once: the measurements that are copies of earlier ones, found by their uids (metering.md 1.4)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from usance.adapters.duckdb.columns import Integers, receipts, uid_hashes, uids_at
from usance.adapters.duckdb.stored import Stored, StoredItem
from usance.domain.metering.counting import Copy, repeats

_LAST: Final = 2**22 - 1


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
        counts[_repeated(items, _places(hashes, met), counts.size)] = False
    return counts


def _places(hashes: Integers, met: Integers) -> NDArray[np.int64]:
    """Where `hashes` are among `met`. Most are not, which their last bits tell without looking any further."""
    last = np.zeros(_LAST + 1, dtype=np.bool_)
    last[met & _LAST] = True
    candidates = np.flatnonzero(last[hashes & _LAST])
    return candidates[np.isin(hashes[candidates], met)]


def _repeated(items: Sequence[StoredItem], suspects: NDArray[np.int64], own: int) -> list[int]:
    """Of the suspect rows, those below `own` that do not count."""
    starts = np.cumsum([0, *(item.count for item in items)])
    owners = np.searchsorted(starts, suspects, side="right") - 1
    within = suspects - starts[owners]
    copies: dict[str | bytes, list[tuple[Copy, int]]] = {}
    received = {owner: receipts([items[owner]]) for owner in set(owners.tolist())}
    rows = zip(uids_at(items, owners, within), suspects.tolist(), owners.tolist(), within.tolist(), strict=True)
    for uid, row, owner, place in rows:
        copy = Copy(int(received[owner][place]), (*items[owner].place, place))
        copies.setdefault(uid, []).append((copy, row))
    dropped: list[int] = []
    for group in copies.values():
        if len(group) > 1:
            row_of = dict(group)
            dropped.extend(row_of[copy] for copy in repeats(row_of) if row_of[copy] < own)
    return dropped

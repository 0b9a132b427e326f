"""Items of packed measurements as one item, value for value."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from usance.adapters.duckdb.columns import (
    ExactColumn,
    ScaledColumn,
    TextColumn,
    column,
    ends,
    instants,
    receipts,
    uid_texts,
)
from usance.adapters.duckdb.stored import StoredItem
from usance.adapters.packing import NO_VALUE, pack_integers, pack_numbers, pack_scaled, pack_texts, pack_uids

Item = dict[str, Any]


def merged_item(items: Sequence[StoredItem]) -> tuple[Item, int]:
    """The attributes of the merged item but for its keys, and the earliest receipt. Measurements keep their order."""
    ts, received, ets = instants(items), receipts(items), ends(items)
    codes = sorted({code for item in items for code in item.fields})
    item: Item = {
        "n": {"N": str(ts.size)},
        "lo": {"N": str(int(ts.min()))},
        "hi": {"N": str(int(ts.max()))},
        "ts": {"B": pack_integers(ts.tolist())},
        "rcv": {"B": pack_integers(received.tolist())},
        "uid": {"B": pack_uids([uid for one in items for uid in uid_texts(one)])},
        "fields": {"M": {code: {"B": _packed(items, code)} for code in codes}},
    }
    if bool(np.any(ets != NO_VALUE)):
        item["ets"] = {"B": pack_integers([None if end == NO_VALUE else end for end in ets.tolist()])}
    return item, int(received.min())


def _packed(items: Sequence[StoredItem], code: str) -> bytes:
    match column(items, code):
        case ScaledColumn() as scaled:
            return pack_scaled(scaled.values.tolist(), scaled.places)
        case TextColumn() as texts:
            return pack_texts([None if at < 0 else texts.distinct[at] for at in texts.indexes.tolist()])
        case ExactColumn() as exact:
            return pack_numbers(exact.values)

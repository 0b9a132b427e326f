"""Receipts: what was accepted, kept apart from the measurements, so that a loss among them shows.

| attribute | holds |
|---|---|
| pk | `{org}#{meter}#{account}#{yyyy-mm}#accepted` |
| sk | `{dd}#{digest}#{receipt}`: the sort key of the item that was put, and when it was received |
| tally | the figures of its measurements, made before they were packed |

A receipt is written after its item and before the request is answered: whatever has a receipt was durable. Nothing changes or
removes one, merging included. A request that comes again while its item is there writes the receipt of that item again.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from usance.domain.metering.tally import NumberTally, Tally

Item = dict[str, Any]

_TEXT: Final = msgspec.json.Decoder(
    tuple[int, int, int, int, dict[str, tuple[int, str, str]], dict[str, int]], strict=True
)


def receipts_partition(items_partition: str) -> str:
    """Where the receipts of a partition of items lie."""
    return f"{items_partition}#accepted"


def receipt_of(item: Item) -> Item:
    """The receipt of an item of measurements, as it is stored."""
    receipt, _, _ = item["received"]["S"].partition("#")
    return {
        "pk": {"S": receipts_partition(item["pk"]["S"])},
        "sk": {"S": receipt_key(item["sk"]["S"], receipt)},
        "tally": item["tally"],
    }


def receipt_key(sort_key: str, receipt: str) -> str:
    """The sort key of the receipt of an item."""
    return f"{sort_key}#{receipt}"


def to_text(tally: Tally) -> str:
    """The figures as JSON; decimals as texts, digit for digit."""
    numbers = {code: (one.count, str(one.total), str(one.marked)) for code, one in tally.numbers.items()}
    return msgspec.json.encode((tally.count, tally.uids, tally.ts, tally.ets, numbers, tally.texts)).decode()


def from_text(text: str) -> Tally:
    """What `to_text` wrote. Raises `ValueError` on anything else."""
    count, uids, ts, ets, numbers, texts = _TEXT.decode(text)
    found = {code: NumberTally(n, Decimal(total), Decimal(marked)) for code, (n, total, marked) in numbers.items()}
    return Tally(count, uids, ts, ets, found, texts)

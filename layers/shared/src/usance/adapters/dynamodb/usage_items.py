"""From a batch of measurements to the items that hold it (the attributes are listed in `usage_log`)."""

import hashlib
from datetime import datetime
from typing import Any, Final

from usance.adapters.dynamodb.usage_receipts import to_text
from usance.adapters.packing import pack_integers, pack_numbers, pack_texts, pack_uids
from usance.application.ports.usage_log import UsageBatch, UsageScope
from usance.domain.metering.columns import Columns
from usance.domain.metering.instants import instant_of
from usance.domain.metering.tally import tally_of

Item = dict[str, Any]

ITEM_MAX_BYTES: Final = 350_000  # DynamoDB holds 400 KB; keys and names need room


def partition(scope: UsageScope, month: str) -> str:
    """The partition of a month of usage."""
    return f"{scope_key(scope)}#{month}"


def scope_key(scope: UsageScope) -> str:
    """The partition of a scope in the index of receipts."""
    return f"{scope.org_id}#{scope.meter_id}#{scope.account_id}"


def receipt_text(received_at: datetime) -> str:
    """A receipt as it stands in the index: texts sort as the instants (all in UTC) do."""
    return received_at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def packed_items(batch: UsageBatch) -> list[Item]:
    """The items of `batch`: one, or more where one would be too large."""
    return _items(batch, batch.columns, batch.digest)


def _items(batch: UsageBatch, columns: Columns, digest: str) -> list[Item]:
    blobs = {"ts": pack_integers(columns.ts), "uid": pack_uids(columns.uids)}
    if list(columns.ets).count(None) < len(columns):
        blobs["ets"] = pack_integers(columns.ets)
    fields = {code: pack_numbers(column) for code, column in columns.numbers.items()}
    fields |= {code: pack_texts(column) for code, column in columns.texts.items()}
    size = sum(map(len, blobs.values())) + sum(len(code.encode()) + len(blob) for code, blob in fields.items())
    if size > ITEM_MAX_BYTES and len(columns) > 1:
        middle = len(columns) // 2
        halves = (columns.take(range(middle)), columns.take(range(middle, len(columns))))
        return [
            item for half, part in zip(halves, "ab", strict=True) for item in _items(batch, half, _part(digest, part))
        ]
    sort_key = f"{instant_of(min(columns.ts)).day:02d}#{digest}"
    return [
        {
            "pk": {"S": partition(batch.scope, batch.month)},
            "sk": {"S": sort_key},
            "scope": {"S": scope_key(batch.scope)},
            "received": {"S": f"{receipt_text(batch.received_at)}#{batch.month}#{sort_key}"},
            "n": {"N": str(len(columns))},
            "lo": {"N": str(min(columns.ts))},
            "hi": {"N": str(max(columns.ts))},
            "tally": {"S": to_text(tally_of(columns))},
            "fields": {"M": {code: {"B": blob} for code, blob in fields.items()}},
            **{name: {"B": blob} for name, blob in blobs.items()},
        }
    ]


def _part(digest: str, part: str) -> str:
    return hashlib.sha256(f"{digest}{part}".encode()).hexdigest()[: len(digest)]

"""Packed columns as numpy arrays, exactly (the form is described in `usance.adapters.packing`)."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from usance.adapters.duckdb.stored import StoredItem
from usance.adapters.packing import BYTES_PER_INDEX, BYTES_PER_INTEGER, NO_VALUE, UUID_BYTES, Kind

Integers = NDArray[np.int64]
Indexes = NDArray[np.int32]

_TEXTS: Final = msgspec.json.Decoder(list[str])
_EXACT: Final = msgspec.json.Decoder(list[str | None])


@dataclass(frozen=True, slots=True)
class ScaledColumn:
    """Numbers as `values / 10^places`; `NO_VALUE` where there is none."""

    values: Integers
    places: int

    def decimals(self) -> list[Decimal | None]:
        """The numbers, one by one."""
        return [None if value == NO_VALUE else number(value, self.places) for value in self.values.tolist()]


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Texts as indexes into `distinct`; -1 where there is none."""

    indexes: Indexes
    distinct: Sequence[str]


@dataclass(frozen=True, slots=True)
class ExactColumn:
    """Numbers that do not fit one scale of 64 bits."""

    values: Sequence[Decimal | None]


Column = ScaledColumn | TextColumn | ExactColumn


def number(whole: int, places: int) -> Decimal:
    """`whole / 10^places`."""
    sign = 1 if whole < 0 else 0
    return Decimal((sign, tuple(map(int, str(abs(whole)))), -places))


def instants(items: Sequence[StoredItem]) -> Integers:
    """The `ts` of every measurement."""
    return _joined([_integers(item.ts) for item in items])


def receipts(items: Sequence[StoredItem]) -> Integers:
    """When every measurement was received."""
    return _joined(
        [_integers(item.receipts) if item.receipts else np.full(item.count, item.received) for item in items]
    )


def ends(items: Sequence[StoredItem]) -> Integers:
    """The `ets` of every measurement; `NO_VALUE` where it has none."""
    return _joined([_integers(item.ets) if item.ets else np.full(item.count, NO_VALUE) for item in items])


def column(items: Sequence[StoredItem], code: str) -> Column:
    """A field of every measurement. Of one that is text in some items and number in others, the numbers."""
    kinds = {Kind(item.fields[code][0]) for item in items if code in item.fields}
    if kinds == {Kind.DICTIONARY}:
        return _text_column(items, code)
    scaled = None if Kind.EXACT in kinds else _scaled_column(items, code)
    return scaled or ExactColumn([value for item in items for value in _decimals(item, code)])


def has_both(items: Sequence[StoredItem], code: str) -> bool:
    """Whether a field is text in some items and number in others."""
    kinds = {Kind(item.fields[code][0]) for item in items if code in item.fields}
    return Kind.DICTIONARY in kinds and len(kinds) > 1


def text_column(items: Sequence[StoredItem], code: str) -> TextColumn:
    """A field of every measurement as texts; a number counts as no text."""
    return _text_column(items, code)


def uid_texts(item: StoredItem) -> list[str]:
    """The uids of an item."""
    kind, payload = Kind(item.uids[0]), item.uids[2:]
    if kind is Kind.TEXTS:
        return _TEXTS.decode(zlib.decompress(payload))
    digits = payload.hex()
    return [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-{digits[at + 12 : at + 16]}-"
        f"{digits[at + 16 : at + 20]}-{digits[at + 20 : at + 32]}"
        for at in range(0, len(digits), 2 * UUID_BYTES)
    ]


def uid_hashes(items: Sequence[StoredItem]) -> Integers:
    """64 bits per uid, equal for equal uids; how they are made depends on whether all items hold UUIDs."""
    if _all_uuids(items):
        halves = np.frombuffer(b"".join(item.uids[2:] for item in items), dtype="<i8").reshape(-1, 2)
        return halves[:, 0] ^ (halves[:, 1] * np.int64(_ODD))
    return np.fromiter((hash(uid) for item in items for uid in uid_texts(item)), dtype=np.int64)


def uids_at(items: Sequence[StoredItem], owners: Integers, within: Integers) -> Sequence[str | bytes]:
    """The uids at some places, equal exactly where the uids are: their bytes when all items hold UUIDs, else texts."""
    if _all_uuids(items):
        places = zip(owners.tolist(), (2 + within * UUID_BYTES).tolist(), strict=True)
        return [items[owner].uids[at : at + UUID_BYTES] for owner, at in places]
    texts = {owner: uid_texts(items[owner]) for owner in set(owners.tolist())}
    return [texts[owner][at] for owner, at in zip(owners.tolist(), within.tolist(), strict=True)]


def _all_uuids(items: Sequence[StoredItem]) -> bool:
    return all(item.uids[0] == Kind.UUIDS for item in items)


_ODD: Final = 0x1E3779B97F4A7C15  # spreads the second half, so that swapped halves differ


def _integers(blob: bytes) -> Integers:
    return _wholes(zlib.decompress(blob[2:]), BYTES_PER_INTEGER, "<i8")


def _wholes(planes: bytes, width: int, dtype: str) -> NDArray[Any]:
    return np.ascontiguousarray(np.frombuffer(planes, dtype=np.uint8).reshape(width, -1).T).view(dtype).ravel()


def _scaled_column(items: Sequence[StoredItem], code: str) -> ScaledColumn | None:
    """None when the numbers do not fit 64 bits at the scale of the finest."""
    parts: list[tuple[Integers, int]] = []
    for item in items:
        blob = item.fields.get(code)
        if blob is None or blob[0] != Kind.SCALED:
            parts.append((np.full(item.count, NO_VALUE, dtype=np.int64), 0))
        else:
            parts.append((_integers(blob), blob[1]))
    places = max(scale for _, scale in parts)
    rescaled = [_rescaled(values, places - scale) for values, scale in parts]
    if any(values is None for values in rescaled):
        return None
    return ScaledColumn(_joined([values for values in rescaled if values is not None]), places)


def _rescaled(values: Integers, places: int) -> Integers | None:
    if not places:
        return values
    absent = values == NO_VALUE
    factor = 10**places
    limit = (2**63 - 1) // factor
    if bool(np.any(np.abs(np.where(absent, 0, values)) > limit)):
        return None
    return np.where(absent, NO_VALUE, np.where(absent, 0, values) * factor)


def _decimals(item: StoredItem, code: str) -> list[Decimal | None]:
    blob = item.fields.get(code)
    kind = None if blob is None else Kind(blob[0])
    if blob is None or kind is Kind.DICTIONARY:
        return [None] * item.count
    if kind is Kind.EXACT:
        texts = _EXACT.decode(zlib.decompress(blob[2:]))
        return [None if text is None else Decimal(text) for text in texts]
    return ScaledColumn(_integers(blob), blob[1]).decimals()


def _text_column(items: Sequence[StoredItem], code: str) -> TextColumn:
    known: dict[str, int] = {}
    parts: list[Indexes] = []
    for item in items:
        blob = item.fields.get(code)
        if blob is None or blob[0] != Kind.DICTIONARY:
            parts.append(np.full(item.count, -1, dtype=np.int32))
            continue
        payload = zlib.decompress(blob[2:])
        end = 4 + int.from_bytes(payload[:4], "little")
        numbers = [known.setdefault(text, len(known)) for text in _TEXTS.decode(payload[4:end])]
        table = np.array([*numbers, -1], dtype=np.int32)  # index -1 finds the last entry: none
        parts.append(table[_wholes(payload[end:], BYTES_PER_INDEX, "<i4")])
    return TextColumn(np.concatenate(parts), list(known))


def _joined(parts: Sequence[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

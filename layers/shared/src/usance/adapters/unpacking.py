"""Packed columns value by value, in plain Python: slower than by numpy, and with nothing in common with it.

The form is described in `usance.adapters.packing`. What does not have it raises one of `FAULTS`.
"""

import zlib
from array import array
from collections.abc import Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import Final
from uuid import UUID

import msgspec

from usance.adapters.packing import BYTES_PER_INDEX, BYTES_PER_INTEGER, NO_VALUE, UUID_BYTES, Kind
from usance.domain.metering.columns import Number

FAULTS: Final = (ValueError, IndexError, TypeError, zlib.error, msgspec.MsgspecError, InvalidOperation)

_SCALING: Final = Context(prec=80)


def integers(blob: bytes) -> list[int | None]:
    """Whole numbers, None where there is none."""
    return [None if value == NO_VALUE else value for value in _wholes(blob)]


def numbers(blob: bytes) -> list[Number | None]:
    """Numbers, exactly."""
    kind, places = Kind(blob[0]), blob[1]
    if kind is Kind.EXACT:
        texts = msgspec.json.decode(zlib.decompress(blob[2:]), type=list[str | None])
        return [None if text is None else Decimal(text) for text in texts]
    found = integers(blob)
    if not places:
        return list(found)
    return [None if value is None else Decimal(value).scaleb(-places, _SCALING) for value in found]


def texts(blob: bytes) -> list[str | None]:
    """Texts, None where there is none."""
    payload = zlib.decompress(blob[2:])
    end = 4 + int.from_bytes(payload[:4], "little")
    distinct = msgspec.json.decode(payload[4:end], type=list[str])
    indexes = array("i", _interleaved(payload[end:], BYTES_PER_INDEX))
    return [None if at < 0 else distinct[at] for at in indexes]


def uids(blob: bytes) -> list[str]:
    """Identifiers."""
    kind, payload = Kind(blob[0]), blob[2:]
    if kind is Kind.TEXTS:
        return msgspec.json.decode(zlib.decompress(payload), type=list[str])
    return [str(UUID(bytes=payload[at : at + UUID_BYTES])) for at in range(0, len(payload), UUID_BYTES)]


def holds_texts(blob: bytes) -> bool:
    """Whether a field's column is one of texts."""
    return Kind(blob[0]) is Kind.DICTIONARY


def _wholes(blob: bytes) -> Sequence[int]:
    if Kind(blob[0]) is not Kind.SCALED:
        raise ValueError("a column of integers is of another kind")
    return array("q", _interleaved(zlib.decompress(blob[2:]), BYTES_PER_INTEGER))


def _interleaved(planes: bytes, width: int) -> bytes:
    count = len(planes) // width
    data = bytearray(len(planes))
    for plane in range(width):
        data[plane::width] = planes[plane * count : (plane + 1) * count]
    return bytes(data)

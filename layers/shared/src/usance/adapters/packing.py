"""The packed form of measurements: one compressed blob per column.

A blob is one byte of kind, one byte of scale and the payload:

| kind | payload |
|---|---|
| SCALED | 64-bit integers, value x 10^scale, in byte planes, compressed; the least integer stands for no value |
| EXACT | JSON array of decimal texts or null, compressed: numbers that 64 bits cannot hold |
| DICTIONARY | length of a JSON array of the distinct texts (4 bytes), that array, then 32-bit indexes in byte planes; -1 for none |
| TEXTS | JSON array of texts, compressed |
| UUIDS | 16 bytes each, as they are: random bytes do not compress |

Byte planes hold the first byte of every integer, then the second of every integer, and so on: neighbours in a column share
their upper bytes, which then compress to nothing. All integers are little-endian.
"""

import zlib
from array import array
from collections.abc import Sequence
from decimal import Context, Decimal, InvalidOperation
from enum import IntEnum
from typing import Final, cast

import msgspec

from usance.domain.metering.columns import Number

NO_VALUE: Final = -(2**63)
PLACES_MAX: Final = 18  # more places than 64 bits have digits
BYTES_PER_INTEGER: Final = 8
BYTES_PER_INDEX: Final = 4
UUID_CHARS: Final = 36
UUID_BYTES: Final = 16

_COMPRESSION: Final = 1  # higher levels cost three times the processor and save a few percent
_UUID_SHAPE: Final = b"x" * 8 + b"-xxxx" * 3 + b"-" + b"x" * 12
_TO_SHAPE: Final = bytes.maketrans(b"0123456789abcdefx", b"x" * 16 + b"\0")
_SCALING: Final = Context(prec=80, traps=[InvalidOperation])


class Kind(IntEnum):
    """How a blob is to be read."""

    SCALED = 1
    EXACT = 2
    DICTIONARY = 3
    TEXTS = 4
    UUIDS = 5


def pack_integers(values: Sequence[int | None]) -> bytes:
    """Whole numbers that fit 64 bits, such as instants."""
    return _scaled(values, 0)


def pack_scaled(values: Sequence[int], places: int) -> bytes:
    """Numbers that are scaled already: each is `value / 10^places`, `NO_VALUE` none."""
    return _packed_wholes(array("q", values), places)


def pack_numbers(values: Sequence[Number | None]) -> bytes:
    """Numbers, exactly: scaled to 64-bit integers when all fit, otherwise as texts."""
    if set(map(type, values)) == {int}:
        wholes = cast("Sequence[int]", values)  # the common case, left as it is
        if max(wholes) < -NO_VALUE and min(wholes) > NO_VALUE:
            return _scaled(wholes, 0)
    places = max((_places(value) for value in values if isinstance(value, Decimal)), default=0)
    if places <= PLACES_MAX:
        try:
            return _scaled([None if value is None else _whole(value, places) for value in values], places)
        except OverflowError:
            pass
    texts = [None if value is None else str(value) for value in values]
    return bytes((Kind.EXACT, 0)) + zlib.compress(msgspec.json.encode(texts), _COMPRESSION)


def pack_texts(values: Sequence[str | None]) -> bytes:
    """Texts that repeat, and those that do not: each distinct one once."""
    numbers: dict[str, int] = {}
    indexes = [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]
    distinct = msgspec.json.encode(list(numbers))
    payload = len(distinct).to_bytes(4, "little") + distinct + _planes(array("i", indexes), BYTES_PER_INDEX)
    return bytes((Kind.DICTIONARY, 0)) + zlib.compress(payload, _COMPRESSION)


def pack_uids(uids: Sequence[str]) -> bytes:
    """Identifiers, nearly all distinct; canonical UUIDs in 16 bytes each."""
    if {len(uid) for uid in uids} == {UUID_CHARS}:
        joined = "".join(uids).encode()
        if joined.translate(_TO_SHAPE) == _UUID_SHAPE * len(uids):
            return bytes((Kind.UUIDS, 0)) + bytes.fromhex(joined.replace(b"-", b"").decode())
    return bytes((Kind.TEXTS, 0)) + zlib.compress(msgspec.json.encode(list(uids)), _COMPRESSION)


def _scaled(values: Sequence[int | None], places: int) -> bytes:
    if NO_VALUE in values:
        raise OverflowError
    return _packed_wholes(array("q", [NO_VALUE if value is None else value for value in values]), places)


def _packed_wholes(wholes: "array[int]", places: int) -> bytes:
    return bytes((Kind.SCALED, places)) + zlib.compress(_planes(wholes, BYTES_PER_INTEGER), _COMPRESSION)


def _planes(numbers: "array[int]", width: int) -> bytes:
    data = numbers.tobytes()
    return b"".join(data[plane::width] for plane in range(width))


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _whole(value: Number, places: int) -> int:
    if isinstance(value, int):
        return value * 10**places if places else value
    return int(value.scaleb(places, _SCALING))

"""Identifiers that follow from their content, so that doing a thing twice names it once."""

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REVERSED: Final = str.maketrans("0123456789abcdef", "fedcba9876543210")
_TIME_CHARS: Final = 13  # of an id that begins with milliseconds: 48 bits in two groups
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(text: str) -> bool:
    """Whether `text` has the shape of an id; what has not names nothing."""
    return ID.fullmatch(text) is not None


def derived_id(*parts: str) -> str:
    """A UUID (version 8) of `parts`: equal parts give an equal id."""
    return _uuid8(hashlib.sha256("\x1f".join(parts).encode()).digest()[:16])


def dated_id(day: date, *parts: str) -> str:
    """Like `derived_id`, but ids of later days sort after ids of earlier ones, as time-ordered ids do."""
    milliseconds = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    digest = hashlib.sha256("\x1f".join((day.isoformat(), *parts)).encode()).digest()
    return _uuid8(max(milliseconds, 0).to_bytes(6, "big") + digest[:10])


def day_of(dated: str) -> date:
    """The day of an id that `dated_id` made."""
    return (_EPOCH + timedelta(milliseconds=int(dated.replace("-", "")[:12], 16))).date()


def timed_id(instant: datetime, *parts: str) -> str:
    """Like `derived_id`, but ids of later instants sort after ids of earlier ones. `instant` is aware."""
    milliseconds = (instant - _EPOCH) // timedelta(milliseconds=1)
    digest = hashlib.sha256("\x1f".join((instant.astimezone(UTC).isoformat(), *parts)).encode()).digest()
    return _uuid8(max(milliseconds, 0).to_bytes(6, "big") + digest[:10])


def reversed_id(id_: str) -> str:
    """The id of a thing that sorts the other way round: what comes first among ids comes last among these."""
    return id_.translate(_REVERSED)


def at_time_of(timed: str, id_: str) -> str:
    """An id that sorts among time-ordered ids as `timed` does, and is another's all the same: the rest is of `id_`."""
    return timed[:_TIME_CHARS] + id_[_TIME_CHARS:]


def following_id(id_: str) -> str:
    """The id right after an id: nothing sorts between them."""
    value = int(id_.replace("-", ""), 16) + 1
    return _text(min(value, (1 << 128) - 1))


def _uuid8(raw: bytes) -> str:
    value = int.from_bytes(raw, "big")
    value = value & ~(0xF << 76) | (0x8 << 76)  # version 8: contents are ours
    value = value & ~(0x3 << 62) | (0x2 << 62)  # RFC 9562 variant
    return _text(value)


def _text(value: int) -> str:
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

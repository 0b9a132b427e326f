"""Instants inside calculations: epoch milliseconds, and the one text format there is a name for."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT

TIMESTAMP_FORMAT: Final = "yyyy-MM-dd'T'HH:mm:ss.SSSX"
"""The value of `DateTime.TS_FMT`; the only format that the time functions take."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PER_MILLISECOND: Final = Decimal(1000)


def milliseconds(text: str) -> Decimal:
    """Epoch milliseconds, exact, of an ISO-8601 instant; one without an offset is in UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{text[:40]!r} is not an ISO-8601 date-time") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return EXACT.divide(Decimal((instant - _EPOCH) // _MICROSECOND), _PER_MILLISECOND)


def timestamp(epoch_milliseconds: Decimal) -> str:
    """The instant in `TIMESTAMP_FORMAT`, in UTC; parts of a millisecond are dropped."""
    try:
        instant = _EPOCH + timedelta(milliseconds=int(epoch_milliseconds.to_integral_value(ROUND_FLOOR)))
    except OverflowError:
        raise InvalidInputError(f"{epoch_milliseconds} milliseconds is no date of the years 1 to 9999") from None
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Instants as whole microseconds since 1970 in UTC: exact, small and quick to compare."""

from datetime import UTC, datetime, timedelta
from typing import Final

from usance.domain.kernel.calendar import FIRST_YEAR
from usance.domain.kernel.errors import InvalidInputError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
DAY_MICROSECONDS: Final = 86_400_000_000
SPAN_MAX_YEARS: Final = 100  # every month is a read; no bill spans more

EARLIEST: Final = (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND  # nothing can ask for what was before
LATEST: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970; an instant without an offset is in UTC (metering.md, open question 11)."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // MICROSECOND


def instant_of(since_epoch_microseconds: int) -> datetime:
    """The aware instant, in UTC."""
    return EPOCH + timedelta(microseconds=since_epoch_microseconds)


def month_of(since_epoch_microseconds: int) -> str:
    """The month in UTC, such as `2026-01`."""
    return instant_of(since_epoch_microseconds).strftime("%Y-%m").zfill(7)


def months_between(start_microseconds: int, end_microseconds: int) -> list[str]:
    """The months that `[start, end)` touches, in order. `InvalidInputError` when they are too many."""
    first = instant_of(start_microseconds)
    last = instant_of(end_microseconds - 1)
    if last.year - first.year > SPAN_MAX_YEARS:
        raise InvalidInputError(f"a span of usage is at most {SPAN_MAX_YEARS} years long")
    count = (last.year - first.year) * 12 + last.month - first.month
    steps = range(first.month - 1, first.month + count)
    return [f"{first.year + step // 12:04d}-{step % 12 + 1:02d}" for step in steps]

"""Cutting a service period into days, weeks, months, quarters or years of the organization's time zone."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import local_day, midnight
from usance.domain.statements.definition import Frequency

BUCKETS_MAX: Final = 4_000  # ten years by the day: longer than any period that is billed at once


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)


# The first day of the bucket after the one that holds a day. A whole period has no next bucket.
NEXT: Final[Mapping[Frequency, Callable[[date], date]]] = {
    Frequency.DAY: lambda day: day + timedelta(days=1),
    Frequency.WEEK: lambda day: day + timedelta(days=7 - day.weekday()),
    Frequency.MONTH: lambda day: _months_later(day, 1),
    Frequency.QUARTER: lambda day: _months_later(day, 3 - (day.month - 1) % 3),
    Frequency.YEAR: lambda day: date(day.year + 1, 1, 1),
}


def bucket_starts(span: Instants, frequency: Frequency, zone: tzinfo) -> Sequence[datetime]:
    """The instants (UTC, ascending) at which the buckets of `span` start; none when the span is empty.

    The first is the span's own start, the others are midnights in `zone` of Mondays, firsts of the month and so on, so
    the outer buckets are clipped to the span. `InvalidInputError` beyond `BUCKETS_MAX`.
    """
    if span.start >= span.end:
        return ()
    starts = [span.start]
    following = NEXT.get(frequency)
    day = local_day(span.start, zone)
    while following:
        day = following(day)
        start = midnight(day, zone)
        if start >= span.end:
            break
        starts.append(start)
        if len(starts) > BUCKETS_MAX:
            raise InvalidInputError(
                f"aggregationFrequency {frequency} cuts the period into more than {BUCKETS_MAX} parts"
            )
    return starts

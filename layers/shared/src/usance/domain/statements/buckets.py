"""Cutting a service period into days, weeks, months, quarters or years of the organization's time zone."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, assert_never

from usance.domain.kernel.period import Instants
from usance.domain.kernel.timezones import local_day, midnight
from usance.domain.statements.definition import Frequency

BUCKETS_MAX: Final = 4_000  # ten years by the day: longer than any period that is billed at once

_QUARTER_MONTHS: Final = 3
_YEAR_MONTHS: Final = 12


def bucket_starts(span: Instants, frequency: Frequency, zone: tzinfo) -> Sequence[datetime]:
    """The instants (UTC, ascending) at which the buckets of `span` start; none when the span is empty.

    The first is the span's own start, the others are midnights in `zone` of Mondays, firsts of the month and so on, so
    the outer buckets are clipped to the span. Raises ValueError beyond `BUCKETS_MAX`.
    """
    if span.start >= span.end:
        return ()
    starts = [span.start]
    if frequency is Frequency.WHOLE_PERIOD:
        return starts
    day = local_day(span.start, zone)
    while True:
        day = _next(day, frequency)
        start = midnight(day, zone)
        if start >= span.end:
            return starts
        starts.append(start)
        if len(starts) > BUCKETS_MAX:
            raise ValueError(f"more than {BUCKETS_MAX} buckets of a {frequency}")


def _next(day: date, frequency: Frequency) -> date:
    """The first day of the bucket after the one that holds `day`."""
    match frequency:
        case Frequency.DAY:
            return day + timedelta(days=1)
        case Frequency.WEEK:
            return day + timedelta(days=7 - day.weekday())
        case Frequency.MONTH:
            return _first_of_month(day, 1)
        case Frequency.QUARTER:
            return _first_of_month(day, _QUARTER_MONTHS - (day.month - 1) % _QUARTER_MONTHS)
        case Frequency.YEAR:
            return date(day.year + 1, 1, 1)
        case Frequency.WHOLE_PERIOD:
            raise ValueError("a whole period has one bucket")
        case _:
            assert_never(frequency)


def _first_of_month(day: date, months_later: int) -> date:
    years, month = divmod(day.month - 1 + months_later, _YEAR_MONTHS)
    return date(day.year + years, month + 1, 1)

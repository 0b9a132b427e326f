"""The stretch of time that a scheduled export of usage is about (metering.md 8.2). All in UTC."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

Span = tuple[datetime, datetime]

_DAYS: Final[Mapping[str, int]] = {
    "LAST_7_DAYS": 7,
    "LAST_30_DAYS": 30,
    "LAST_35_DAYS": 35,
    "LAST_90_DAYS": 90,
    "LAST_120_DAYS": 120,
}


def period(name: str, at: datetime) -> Span:
    """`[start, end)` of the period `name` for a run at `at`, which is in UTC. `KeyError` for a name that is none."""
    if name in _DAYS:
        return _midnight(at) - timedelta(days=_DAYS[name]), _midnight(at)
    return _PERIODS[name](at)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _monday(at: datetime) -> datetime:
    return _midnight(at) - timedelta(days=at.weekday())


def _month(at: datetime) -> datetime:
    return _midnight(at).replace(day=1)


def _quarter(at: datetime) -> datetime:
    return _month(at).replace(month=at.month - (at.month - 1) % 3)


def _year(at: datetime) -> datetime:
    return _month(at).replace(month=1)


def _before(start_of: Callable[[datetime], datetime]) -> Callable[[datetime], Span]:
    """The last complete stretch of a kind."""

    def found(at: datetime) -> Span:
        end = start_of(at)
        return start_of(end - timedelta(days=1)), end

    return found


def _to_date(start_of: Callable[[datetime], datetime]) -> Callable[[datetime], Span]:
    return lambda at: (start_of(at), at)


def _last_12_hours(at: datetime) -> Span:
    end = at.replace(minute=0, second=0, microsecond=0)
    return end - timedelta(hours=12), end


def _last_year(at: datetime) -> Span:
    """Whole days from the same day of the year before; from 28 February when that year has no 29th."""
    end = _midnight(at)
    day = 28 if (end.month, end.day) == (2, 29) else end.day
    return end.replace(year=end.year - 1, day=day), end


_PERIODS: Final[Mapping[str, Callable[[datetime], Span]]] = {
    "TODAY": _to_date(_midnight),
    "YESTERDAY": _before(_midnight),
    "PREVIOUS_WEEK": _before(_monday),
    "PREVIOUS_MONTH": _before(_month),
    "PREVIOUS_QUARTER": _before(_quarter),
    "PREVIOUS_YEAR": _before(_year),
    "WEEK_TO_DATE": _to_date(_monday),
    "MONTH_TO_DATE": _to_date(_month),
    "YEAR_TO_DATE": _to_date(_year),
    "LAST_12_HOURS": _last_12_hours,
    "LAST_YEAR": _last_year,
}

PERIODS: Final = (*_PERIODS, *_DAYS)

"""When a schedule that counts minutes, hours or days runs (metering.md 8.2). All in UTC."""

from datetime import datetime, timedelta
from typing import Final

UNITS: Final = {"MINUTE": timedelta(minutes=1), "HOUR": timedelta(hours=1), "DAY": timedelta(days=1)}
SHORTEST: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(days=3)


def step(unit: str, count: int) -> timedelta:
    """The time from one run to the next."""
    return UNITS[unit] * count


def latest_run(unit: str, count: int, offset: int | None, made: datetime, at: datetime) -> datetime | None:
    """The last run due at or before `at` of a schedule made at `made`; None before the first one that follows.

    Runs step from the instant the schedule was made, at which the first run is. With an `offset` they are as many hours
    into the day, or minutes into the hour, instead: counted from the day or hour in which it was made.
    """
    start = made if offset is None else _start(unit, made) + _offset(unit, offset)
    steps = (at - start) // step(unit, count)
    run = start + steps * step(unit, count)
    return run if run > made else None


def _start(unit: str, made: datetime) -> datetime:
    hour = made.replace(minute=0, second=0, microsecond=0)
    return hour.replace(hour=0) if unit == "DAY" else hour


def _offset(unit: str, offset: int) -> timedelta:
    return timedelta(hours=offset) if unit == "DAY" else timedelta(minutes=offset)

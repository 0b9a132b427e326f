"""Time zones by the names the API takes, and local midnights as instants (billing.md 6.2)."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.period import Instants

OFFSET_MAX_HOURS: Final = 18  # the widest offset ISO 8601 calendars use
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::(\d{2}))?")
_NOT_A_ZONE: Final = re.compile(r"localtime|posixrules|(posix|right)/.*")  # files beside the zones, machine by machine
_NAME_MAX_LENGTH: Final = 64  # the longest tz name has 38 characters


@lru_cache(maxsize=256)
def time_zone(name: str) -> tzinfo:
    """The zone of a tz database name (`Europe/Berlin`) or an offset (`UTC+1:00`, `GMT+1`, `+1:00`, `+1`).

    `+1` is one hour east of Greenwich. Raises `InvalidInputError` for anything else.
    """
    if offset := _OFFSET.fullmatch(name):
        return _fixed(name, *offset.groups())
    if not 0 < len(name) <= _NAME_MAX_LENGTH or _NOT_A_ZONE.fullmatch(name):
        raise InvalidInputError(_advice(name))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInputError(_advice(name)) from None


def _fixed(name: str, sign: str, hours: str, minutes: str | None) -> tzinfo:
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if int(minutes or 0) >= 60 or offset > timedelta(hours=OFFSET_MAX_HOURS):  # noqa: PLR2004 - minutes of an hour
        raise InvalidInputError(_advice(name))
    return timezone(offset if sign == "+" else -offset)


def _advice(name: str) -> str:
    return (
        f"timezone {name[:_NAME_MAX_LENGTH]!r} is neither a tz database name (Europe/Berlin) nor an offset (UTC+1:00)"
    )


def midnight(day: date, zone: tzinfo) -> datetime:
    """The instant at which `day` begins in `zone`, in UTC. Where clocks skip midnight, the instant they skip it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(instant: datetime, zone: tzinfo) -> date:
    """The day it is in `zone` at `instant`."""
    return instant.astimezone(zone).date()


def days_of(span: Instants, zone: tzinfo) -> int:
    """The local days of a span."""
    return (local_day(span.end, zone) - local_day(span.start, zone)).days

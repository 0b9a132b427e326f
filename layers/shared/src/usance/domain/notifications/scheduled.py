"""When a scheduled event is due: some days after, or before, a date of an entity (platform.md 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Self

from usance.domain.catalog.moments import instant
from usance.domain.kernel.timezones import local_day

LATE_DAYS_MAX: Final = 27  # an event is remembered, and so raised once, for 28


@dataclass(frozen=True, slots=True)
class Sweep:
    """One look at every entity of a kind, on the organization's day `day`.

    What fell due after `done`, the day of the sweep before, is raised now; and what fell due earlier, but not before
    `first`, on entities that changed since `since`, when the sweep before began.
    """

    day: date
    done: date
    first: date
    since: datetime
    zone: tzinfo

    @classmethod
    def following(cls, day: date, done: date, made: date, since: datetime, zone: tzinfo) -> Self:
        """The sweep after that of `done`, for a configuration that was `made` on a day: nothing is due before it was."""
        return cls(day, done, max(made, day - timedelta(days=LATE_DAYS_MAX)), since, zone)

    def holds(self, entity: Mapping[str, Any], field: str, offset: int) -> bool:
        """Whether the event of an entity, `offset` days after the date in `field`, is to be raised."""
        value = entity.get(field)
        if not isinstance(value, str):
            return False
        try:
            due = self._day(value) + timedelta(days=offset)
        except (ValueError, OverflowError):  # no date, or none that calendars know
            return False
        if not self.first <= due <= self.day:
            return False
        return due > self.done or self._changed(entity)

    def _changed(self, entity: Mapping[str, Any]) -> bool:
        stamp = entity.get("dtLastModified")
        return isinstance(stamp, str) and instant(stamp) >= self.since

    def _day(self, value: str) -> date:
        """A date is a date anywhere; a date-time is on the organization's day."""
        return date.fromisoformat(value) if len(value) == len("2026-01-31") else local_day(instant(value), self.zone)

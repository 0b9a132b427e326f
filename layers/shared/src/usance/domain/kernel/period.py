"""Half-open spans of days and of instants."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """Days `[start, end)` in the organization's time zone."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """How many days the period holds; 0 when it is empty or reversed."""
        return max((self.end - self.start).days, 0)

    @property
    def last_day(self) -> date:
        """The last day inside."""
        return self.end - timedelta(days=1)

    def clip(self, other: "Period") -> "Period | None":
        """The days both hold, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants `[start, end)`, both aware, in UTC."""

    start: datetime
    end: datetime

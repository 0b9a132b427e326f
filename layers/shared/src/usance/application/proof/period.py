"""The period of an audit: whole calendar months in UTC, as measurements are stored."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.metering.instants import microseconds, months_between

MONTHS_MAX: Final = 12  # of a year that is closed; receipts and measurements of all of them are read


@dataclass(frozen=True, slots=True)
class AuditPeriod:
    """From the first day of a month to the last day of the same or a later one."""

    first_day: date
    last_day: date

    @classmethod
    def of(cls, first: str, last: str) -> Self:
        """From texts such as `2026-01-01` and `2026-01-31`. `InvalidInputError` names what is wrong."""
        period = cls(_day("firstDay", first), _day("lastDay", last))
        if period.first_day.day != 1:
            raise InvalidInputError("firstDay must be the first day of a month: an audit is of whole months in UTC")
        if period._after.day != 1 or period.last_day < period.first_day:
            raise InvalidInputError("lastDay must be the last day of the month of firstDay or of a later one")
        if len(period.months) > MONTHS_MAX:
            raise InvalidInputError(
                f"firstDay and lastDay are more than {MONTHS_MAX} months apart; audit them in parts"
            )
        return period

    @property
    def start(self) -> datetime:
        """The first instant."""
        return _midnight(self.first_day)

    @property
    def end(self) -> datetime:
        """The instant after the last."""
        return _midnight(self._after)

    @property
    def months(self) -> list[str]:
        """Such as `2026-01`, in order."""
        return months_between(microseconds(self.start), microseconds(self.end))

    @property
    def _after(self) -> date:
        return self.last_day + timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{name} {text!r} is not a date such as 2026-01-31") from None

"""Schedule expressions of EventBridge: `rate(...)`, `cron(...)` and `at(...)`, in UTC."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from local.template import TemplateError

_RATE: Final = re.compile(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)")
_CRON: Final = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_AT: Final = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_UNIT_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS: Final = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKDAYS: Final = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_DAYS_AHEAD_MAX: Final = 366 * 5  # a cron expression that does not fire within five years never does

Next = Callable[[datetime], datetime | None]
"""The first time after the given one at which a schedule fires; None when it never does again."""


def parse(expression: str) -> Next:
    """The firing times of an expression. Rates fire at whole multiples since the epoch, so that a restart keeps the beat."""
    if match := _RATE.fullmatch(expression):
        seconds = int(match[1]) * _UNIT_SECONDS[match[2].rstrip("s")]
        return lambda after: datetime.fromtimestamp((int(after.timestamp()) // seconds + 1) * seconds, UTC)
    if match := _AT.fullmatch(expression):
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
        return lambda after: moment if moment > after else None
    if match := _CRON.fullmatch(expression):
        return _cron(expression, match.groups())
    message = f"not a schedule expression that the embedded stack knows: {expression}"
    raise TemplateError(message)


@dataclass(frozen=True, slots=True)
class _Cron:
    """The six fields as sets of numbers; `last_day` stands for the day L, the last of its month."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    last_day: bool

    def following(self, after: datetime) -> datetime | None:
        first = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        days = (first, *(first.replace(hour=0, minute=0) + timedelta(days=one) for one in range(1, _DAYS_AHEAD_MAX)))
        times = [(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        for start in days:
            left = [one for one in times if one >= (start.hour, start.minute)] if self._fires_on(start) else []
            if left:
                return start.replace(hour=left[0][0], minute=left[0][1])
        return None

    def _fires_on(self, moment: datetime) -> bool:
        if moment.month not in self.months or moment.year not in self.years:
            return False
        if moment.isoweekday() % 7 + 1 not in self.weekdays:
            return False
        return (moment + timedelta(days=1)).day == 1 if self.last_day else moment.day in self.days


def _cron(expression: str, fields: Sequence[str]) -> Next:
    minute, hour, day, month, weekday, year = fields
    try:
        return _Cron(
            minutes=_values(minute, 0, 59),
            hours=_values(hour, 0, 23),
            days=_values("*" if day == "L" else day, 1, 31),
            months=_values(_named(month, _MONTHS, 1), 1, 12),
            weekdays=_values(_named(weekday, _WEEKDAYS, 1), 1, 7),
            years=_values(year, 1970, 2199),
            last_day=day == "L",
        ).following
    except ValueError as unknown:
        message = f"not a cron expression that the embedded stack knows: {expression}"
        raise TemplateError(message) from unknown


def _named(field: str, names: Sequence[str], first: int) -> str:
    for number, name in enumerate(names, first):
        field = re.sub(name, str(number), field, flags=re.IGNORECASE)
    return field


def _values(field: str, low: int, high: int) -> frozenset[int]:
    """The numbers of one field: `*`, `?`, `5`, `1,2`, `1-5`, `*/10`, `3/10`, `1-30/5`."""
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = low, high
        elif "-" in span:
            first, last = (int(end) for end in span.split("-"))
        else:
            first = int(span)
            last = high if step else first
        if not low <= first <= last <= high:
            raise ValueError(field)
        values.update(range(first, last + 1, int(step or "1")))
    return frozenset(values)

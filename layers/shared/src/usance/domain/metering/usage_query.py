"""Questions about usage: what may be asked, and how parts of an answer are put together (metering.md 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Final

from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.timezones import local_day, midnight
from usance.domain.metering.aggregation import HELD, Method, Observation, aggregate, mean, plain, total
from usance.domain.metering.custom_sql import CUSTOM_SQL

BUCKETS_MAX: Final = 20_000  # as many as an answer has rows
_MONTHS_OF_QUARTER: Final = 3

FUNCTIONS: Final[Mapping[str, frozenset[str]]] = {
    "MEASURE": frozenset({"SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN"}),
    "DIMENSION": frozenset({"COUNT", "UNIQUE"}),
}
"""What can be computed of a field of numbers, and of one of texts."""


UNIQUE: Final = "UNIQUE"
MEAN: Final = "MEAN"


class Step(StrEnum):
    """How long the buckets of a group by time are. Weeks start on Monday (our choice)."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"


_DAYS_WITHIN_NEXT: Final[Mapping[Step, int]] = {Step.DAY: 1, Step.WEEK: 7, Step.MONTH: 31, Step.QUARTER: 93}
"""So many days after the first one lie in the bucket that follows."""


def buckets(step: Step, start: datetime, end: datetime, zone: tzinfo = UTC) -> Sequence[datetime]:
    """The starts, in UTC, of the buckets that `[start, end)` touches, cut as clocks and calendars of `zone` show it.

    `InvalidInputError` when they are too many.
    """
    found = [_bucket_start(step, start, zone)]
    while (following := _next(step, found[-1], zone)) < end:
        found.append(following)
        if len(found) > BUCKETS_MAX:
            raise InvalidInputError(
                f"groups: the time has more than {BUCKETS_MAX} buckets of one {step}; take longer buckets"
            )
    return found


def _bucket_start(step: Step, instant: datetime, zone: tzinfo) -> datetime:
    """The start of the bucket that holds `instant`."""
    if step is Step.HOUR:
        return instant.astimezone(UTC) - _past_hour(instant, zone)
    return midnight(_first_day(step, local_day(instant, zone)), zone)


def _past_hour(instant: datetime, zone: tzinfo) -> timedelta:
    """How long the hour has lasted that clocks of `zone` show."""
    local = instant.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _first_day(step: Step, day: date) -> date:
    match step:
        case Step.WEEK:
            return day - timedelta(days=day.weekday())
        case Step.MONTH:
            return day.replace(day=1)
        case Step.QUARTER:
            return day.replace(day=1, month=day.month - (day.month - 1) % _MONTHS_OF_QUARTER)
        case _:
            return day


def _next(step: Step, start: datetime, zone: tzinfo) -> datetime:
    if step is Step.HOUR:  # where clocks change by half an hour, one is shorter, and the next ones are whole again
        return start + timedelta(hours=1) - _past_hour(start, zone)
    within = local_day(start, zone) + timedelta(days=_DAYS_WITHIN_NEXT[step])
    return midnight(_first_day(step, within), zone)


def methods_for(function: str) -> Sequence[str]:
    """What must be known of each part so that the parts can be put together."""
    match function:
        case Method.MEAN:
            return ("SUM", "COUNT")  # of the numbers alone
        case Method.UNIQUE:
            return ("COUNT",)  # of each value
        case _:
            return (function,)


@dataclass(slots=True)
class Parts:
    """What was found of one aggregation in one group, part by part (an account, a value): `values` by method.

    `texts` are the values that occur, for UNIQUE; `latest` are the moments of the values of LATEST, and
    `held` the observations of methods that need all of them.
    """

    function: str
    values: dict[str, list[Decimal]] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    latest: list[tuple[tuple[int, int, str], Decimal]] = field(default_factory=list)
    held: list[Observation] = field(default_factory=list)

    def add(self, method: str, value: Decimal, text: str, moment: tuple[int, int, str] | None) -> None:
        """Add a value of one of `methods_for`; of UNIQUE, that of a `text`, of LATEST that of a `moment`."""
        if self.function == UNIQUE:
            if value:  # the group of the empty text also holds the measurements without the field
                self.texts.add(text)
        elif moment is not None:
            self.latest.append((moment, value))
        else:
            self.values.setdefault(method, []).append(value)

    def whole(self, until: int = 0) -> Decimal | None:  # noqa: C901 - one case each
        """The value of all parts together; None without a value, but 0 for COUNT and UNIQUE.

        `until` is the instant, in microseconds since 1970, up to which the last value of a TIME_WEIGHTED_SUM holds.
        """
        if self.function == CUSTOM_SQL or self.function in HELD:
            return aggregate(Method(self.function), self.held, until) if self.held else self._only()
        method = Method(self.function)
        match method:
            case Method.COUNT:
                return plain(total(self.values.get("COUNT", ())))
            case Method.UNIQUE:
                return Decimal(len(self.texts))
            case Method.LATEST:
                return max(self.latest)[1] if self.latest else None
            case Method.MEAN:
                return self._mean()
            case Method.SUM:
                found = self.values.get(method)
                return plain(total(found)) if found else None
            case Method.MIN:
                return min(self.values.get(method, ()), default=None)
            case Method.MAX:
                return max(self.values.get(method, ()), default=None)
            case _:
                raise ValueError(method)

    def _only(self) -> Decimal | None:
        """The value of the one part: several are put together of what they hold."""
        found = self.values.get(self.function, ())
        if len(found) > 1:
            raise ValueError(f"values of {self.function} cannot be put together")
        return found[0] if found else None

    def _mean(self) -> Decimal | None:
        count = int(total(self.values.get("COUNT", ())))
        return mean(total(self.values["SUM"]), count) if count else None

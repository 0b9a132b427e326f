"""When bills are calculated and approved without being asked (billing.md 12.7, 12.8, W8, W9). Times come from outside."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Final

from usance.domain.billing.attached import Attachment
from usance.domain.billing.due import charges_in_advance
from usance.domain.billing.windows import closing_window, opening_day
from usance.domain.kernel.timezones import midnight

LATE_DATA: Final = timedelta(hours=24)  # how long after its end a period is still recalculated
QUARTER_MINUTES: Final = 15  # the shortest scheduledBillInterval, and how often the schedule fires
_DAY_HOURS: Final = 24


class GraceUnit(StrEnum):
    """Units of autoApproveBillsGracePeriod."""

    MINUTES = "MINUTES"
    HOURS = "HOURS"
    DAYS = "DAYS"


def quarter(instant: datetime) -> datetime:
    """The quarter of an hour that `instant` lies in: a schedule that fires late still does its own tick."""
    return instant.replace(minute=instant.minute - instant.minute % QUARTER_MINUTES, second=0, microsecond=0)


def is_tick(interval_hours: Decimal, offset_hours: int, instant: datetime, zone: tzinfo) -> bool:
    """Whether scheduled billing runs in the quarter of an hour of `instant`.

    Ticks count from local midnight. `interval_hours` 0 is off; `offset_hours` shifts the tick of interval 24 alone. A tick
    that clocks skip comes in the first quarter after it.
    """
    if not interval_hours:
        return False
    step = int(interval_hours * 60)
    offset = offset_hours * 60 if interval_hours == _DAY_HOURS else 0
    now = _local_minutes(quarter(instant), zone) - offset
    before = _local_minutes(quarter(instant) - timedelta(minutes=QUARTER_MINUTES), zone) - offset
    return now % step == 0 or before // step < now // step


def _local_minutes(instant: datetime, zone: tzinfo) -> int:
    """What the clocks of `zone` show, in minutes since a midnight long ago."""
    local = instant.astimezone(zone)
    return (local.toordinal() * _DAY_HOURS + local.hour) * 60 + local.minute


def is_open(plans: Iterable[Attachment], day: date, at: datetime, zone: tzinfo) -> bool:
    """Whether the bill of `day` may still change at `at`: until a day after its last service ended or opened."""
    known = tuple(plans)
    windows = (closing_window(plan, day, zone) for plan in known)
    ends = [window.span.end for window in windows if window]
    opens = any(charges_in_advance(plan) and opening_day(plan, zone) == day for plan in known)
    return at <= (midnight(day, zone) if opens or not ends else max(ends)) + LATE_DATA


def grace(amount: int, unit: GraceUnit) -> timedelta:
    """A grace period."""
    match unit:
        case GraceUnit.MINUTES:
            return timedelta(minutes=amount)
        case GraceUnit.HOURS:
            return timedelta(hours=amount)
        case GraceUnit.DAYS:
            return timedelta(days=amount)


def last_approvable_day(period: timedelta, at: datetime, zone: tzinfo) -> date:
    """The latest bill date whose grace period, counted from its local midnight, is over at `at` (W9)."""
    day = (at - period).astimezone(zone).date()
    return day if midnight(day, zone) + period <= at else day - timedelta(days=1)

"""Timetables written as cron expressions: minute, hour, day of month, month, day of week; in UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Final

from cronsim import CronSim, CronSimError

from usance.domain.kernel.errors import InvalidInputError

FIELDS: Final = 5
RUNS_CHECKED: Final = 800  # more than a week of runs every 15 minutes: the pattern of any expression shows


def check_cron(expression: str, shortest: timedelta, longest: timedelta) -> None:
    """Refuse what is no cron expression, or runs more often than every `shortest` or less often than every `longest`."""
    for earlier, later in pairwise(islice(_runs(expression, datetime(2026, 1, 1, tzinfo=UTC)), RUNS_CHECKED)):
        if not shortest <= later - earlier <= longest:
            raise InvalidInputError(
                f"cronExpression: {expression} runs at {earlier:%Y-%m-%d %H:%M} and next at {later:%Y-%m-%d %H:%M}; "
                f"runs must be {int(shortest.total_seconds() // 60)} minutes to {longest.days} days apart"
            )


def latest_cron_run(expression: str, at: datetime) -> datetime:
    """The last run due at or before `at`."""
    return next(CronSim(expression, at.astimezone(UTC) + timedelta(microseconds=1), reverse=True))


def _runs(expression: str, after: datetime) -> Iterator[datetime]:
    if len(expression.split()) != FIELDS:
        raise InvalidInputError(f"cronExpression must have {FIELDS} fields, such as 0 6 * * *")
    try:
        runs = CronSim(expression, after)
    except CronSimError as malformed:
        raise InvalidInputError(f"cronExpression: {malformed}") from malformed
    return runs

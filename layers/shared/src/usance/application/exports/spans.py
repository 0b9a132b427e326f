"""From a schedule to what one of its jobs exports."""

from datetime import UTC, datetime

from usance.application.exports.jobs import USAGE
from usance.domain.exports.periods import period
from usance.resources import instants
from usance.resources.wire import Document


def scheduled(schedule: Document, at: datetime) -> Document:
    """The selection for a run at `at`: usage of the schedule's period, or entities as they are."""
    if schedule["sourceType"] != USAGE:
        return schedule
    start, end = period(schedule["timePeriod"], at.astimezone(UTC))
    return {**schedule, "startDate": instants.to_text(start), "endDate": instants.to_text(end)}

"""Date-times of the API as instants."""

from datetime import UTC, datetime


def instant(text: str) -> datetime:
    """An aware instant. A date is its midnight, a time without an offset is UTC (platform.md 1.16)."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

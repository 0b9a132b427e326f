"""Instants as the API writes them: UTC, microseconds, `Z` (platform.md 1.5); equally long, so they sort as text."""

from datetime import UTC, datetime


def to_text(instant: datetime) -> str:
    """Such as `2022-10-28T13:54:48.081781Z`. `instant` is aware."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """An aware instant from any ISO 8601 date-time; without an offset it is UTC. Raises ValueError on anything else."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)

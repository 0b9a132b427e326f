"""Time that tests hold in their hands, and identifiers they can foresee."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class FrozenClock:
    """Stands still until `advance`."""

    instant: datetime = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def advance(self, **by: int) -> None:
        """Move on, such as `advance(seconds=31)`."""
        self.instant += timedelta(**by)


@dataclass
class CountingIds:
    """UUIDs that count: the n-th ends in n, so later ones sort after earlier ones."""

    count: int = 0

    def new(self) -> str:
        self.count += 1
        return f"00000000-0000-7000-8000-{self.count:012x}"

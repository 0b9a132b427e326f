"""Half-open spans of days and of instants."""

from collections.abc import Iterable, Sequence
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


def cut(span: Instants, edges: Iterable[datetime]) -> list[Instants]:
    """`span` in the parts that `edges` make of it."""
    inside = sorted({edge for edge in edges if span.start < edge < span.end})
    return [Instants(*pair) for pair in zip([span.start, *inside], [*inside, span.end], strict=True)]


def without(span: Instants, gone: Sequence[Instants]) -> tuple[Instants, ...]:
    """What `gone` (ascending, apart) leaves of `span`."""
    edges = [edge for one in gone for edge in (one.start, one.end)]
    return tuple(part for part in cut(span, edges) if not any(one.start <= part.start < one.end for one in gone))


def joined(spans: Sequence[Instants]) -> tuple[Instants, ...]:
    """The same time in ascending spans that neither overlap nor touch."""
    found: list[Instants] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if found and span.start <= found[-1].end:
            found[-1] = Instants(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def overlap(one: Instants, other: Instants) -> bool:
    """Whether the two have time in common."""
    return one.start < other.end and other.start < one.end

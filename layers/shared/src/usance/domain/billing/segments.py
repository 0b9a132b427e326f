"""Which segment a group of measurements counts for, and what several groups come to together (metering.md 4.5)."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

from usance.domain.kernel.quantity import EXACT, ZERO

ANY: Final = "*"
Segment = tuple[tuple[str, str], ...]


def _sum(values: Sequence[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(values, ZERO)


MERGERS: Final[Mapping[str, Callable[[Sequence[Decimal]], Decimal]]] = {
    "SUM": _sum,
    "COUNT": _sum,
    "MIN": min,
    "MAX": max,
}
"""Methods whose value over several groups follows from the values of the groups."""


def segment_of(group: Mapping[str, str], segments: Sequence[Segment]) -> Segment | None:
    """The most specific segment that `group` matches: fewest wildcards, then first in the list; None without any."""
    matching = [segment for segment in segments if all(value in (ANY, group.get(name)) for name, value in segment)]
    return min(matching, key=_wildcards, default=None)


def has_wildcard(segment: Segment) -> bool:
    """Whether groups of different values may count for the segment."""
    return _wildcards(segment) > 0


def _wildcards(segment: Segment) -> int:
    return sum(value == ANY for _, value in segment)

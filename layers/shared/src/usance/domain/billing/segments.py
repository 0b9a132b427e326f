"""Which segment a group of measurements counts for (metering.md 4.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from usance.domain.billing.pricings import Segment

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The segments of an aggregation, ready to be asked about many groups."""

    exact: frozenset[Segment]
    wild: tuple[Segment, ...]

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> Self:
        """From segments in the order of their aggregation."""
        wild = [segment for segment in segments if _wildcards(segment)]
        return cls(frozenset(segments) - frozenset(wild), tuple(sorted(wild, key=_wildcards)))

    def segment_of(self, group: Mapping[str, str]) -> Segment | None:
        """The most specific segment that `group` matches: fewest wildcards, then first in the list; None without any."""
        named = tuple(sorted(group.items()))
        if named in self.exact:
            return named
        matching = (segment for segment in self.wild if all(value in (ANY, group.get(name)) for name, value in segment))
        return next(matching, None)


def _wildcards(segment: Segment) -> int:
    return sum(value == ANY for _, value in segment)

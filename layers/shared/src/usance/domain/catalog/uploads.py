"""Which jobs a list of uploads holds."""

from collections.abc import Mapping

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity


def created_between(job: Entity, asked: Mapping[str, str], _: str) -> bool:
    """Whether the job was made from `dateCreatedStart` (included) to `dateCreatedEnd` (not included)."""
    made = instant(job["dtCreated"])
    start, end = asked.get("dateCreatedStart"), asked.get("dateCreatedEnd")
    return (start is None or instant(start) <= made) and (end is None or made < instant(end))

"""Which jobs a list of uploads holds."""

from collections.abc import Mapping

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity


def created_between(job: Entity, asked: Mapping[str, str], _: str) -> bool:
    """Whether the job was made from `dateCreatedStart` (included) to `dateCreatedEnd` (not included)."""
    made = instant(job["dtCreated"])
    start, end = asked.get("dateCreatedStart"), asked.get("dateCreatedEnd")
    return (start is None or instant(start) <= made) and (end is None or made < instant(end))


def wanted_upload(job: Entity, asked: Mapping[str, str], now: str) -> bool:
    """Whether the job was made in the time, and of the file, that are asked for: the id of the job ends its `fileKey`."""
    file_key = asked.get("fileKey")
    return created_between(job, asked, now) and (
        file_key is None or file_key.rpartition("/")[2].partition(".")[0] == job["id"]
    )

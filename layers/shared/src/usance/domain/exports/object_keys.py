"""Where a file of an export lies in its bucket (metering.md 8.3)."""

from datetime import datetime
from typing import Final

TYPE_FIRST: Final = "TYPE_FIRST"
PARTITIONS: Final = ("orgId", "date", "hour", "type")  # the columns that a key adds for engines


def object_key(
    prefix: str, org_id: str, type_: str, at: datetime, file_id: str, ending: str, *, type_first: bool = False
) -> str:
    """The key, partitioned as query engines read it: by `date` and `hour` of `at` in UTC, then by `type`, or by it first."""
    time, kind = f"date={at:%Y-%m-%d}/hour={at:%H}", f"type={type_}"
    partitions = f"{kind}/{time}" if type_first else f"{time}/{kind}"
    root = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{root}orgId={org_id}/{partitions}/{file_id}_{type_}.{ending}"

"""Going through a table, as far as time allows."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from usance.application.backup.ports import BackupPorts
from usance.application.backup.tally import Tally
from usance.application.ports.organization_rows import Row, Table

LASTING: Final = timedelta(days=2)  # the store removes what expires a day or two later: what may be going is left out


def lasts(row: Row, until: int) -> bool:
    """Whether the row will still be there at `until` (epoch seconds)."""
    return "expires" not in row or int(row["expires"]["N"]) >= until


def count(
    ports: BackupPorts,
    table: Table,
    org_id: str,
    until: int,
    progress: dict[str, Any],
    time_is_up: Callable[[], bool],
) -> bool:
    """Tally the lasting rows of a table into `progress`, from where it is; whether the table was read to its end."""
    tally, after = Tally.of(progress.get("tally")), progress.get("after")
    while True:
        page = ports.rows.page(table, org_id, after)
        for row in page.rows:
            if lasts(row, until):
                tally.add(row)
        after = page.after
        progress |= {"tally": tally.document(), "after": after}
        if after is None or time_is_up():
            return after is None


def differing(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """The tables whose tallies differ."""
    return [table for table in Table if expected[table] != found[table]]

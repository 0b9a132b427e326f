"""Names of columns that engines can tell apart (metering.md 8.3): they compare them without regard to case."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from usance.domain.exports.object_keys import PARTITIONS

FIELD: Final = "field."


def distinct_names(columns: Sequence[str], reserved: Collection[str] = ()) -> Mapping[str, str]:
    """By column its name in the file: its own, where no earlier column, partition or `reserved` name is the same but for case.

    Else `field.<name>`, and `field.<name>.2`, `.3` … where that is taken too. A name follows from the columns before it
    alone.
    """
    taken = {name.lower() for name in (*PARTITIONS, *reserved)}
    found: dict[str, str] = {}
    for column in columns:
        name, number = column, 1
        while name.lower() in taken:
            name = f"{FIELD}{column}" if number == 1 else f"{FIELD}{column}.{number}"
            number += 1
        taken.add(name.lower())
        found[column] = name
    return found

"""Measurements of one meter and account, column by column: the form in which they are packed and counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

Number = Decimal | int
"""A number as it came: whole ones stay `int`, which is quicker and as exact."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Measurements as columns of equal length. `ts` and `ets` are microseconds since 1970; a derived value may be None."""

    uids: Sequence[str]
    ts: Sequence[int]
    ets: Sequence[int | None]
    numbers: Mapping[str, Sequence[Number | None]]
    texts: Mapping[str, Sequence[str | None]]

    def __len__(self) -> int:
        """How many measurements."""
        return len(self.uids)

    def take(self, rows: Sequence[int]) -> "Columns":
        """The measurements at `rows`, in that order."""
        return Columns(
            [self.uids[row] for row in rows],
            [self.ts[row] for row in rows],
            [self.ets[row] for row in rows],
            {code: [column[row] for row in rows] for code, column in self.numbers.items()},
            {code: [column[row] for row in rows] for code, column in self.texts.items()},
        )

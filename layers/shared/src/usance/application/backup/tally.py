"""What a set of rows is known by, in whatever order it was read: how many there are, and the sum of their digests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from usance.application.entities.sealing import SEALED
from usance.application.ports.organization_rows import Row
from usance.resources import wire

_MODULUS: Final = 2**256


@dataclass(slots=True)
class Tally:
    """Grows by `add`. Sealed texts do not count: each sealing of the same text differs."""

    rows: int = 0
    digest: int = 0

    def add(self, row: Row) -> None:
        """Count a row."""
        self.rows += 1
        content = hashlib.sha256(line(without_sealed(row))).digest()
        self.digest = (self.digest + int.from_bytes(content)) % _MODULUS

    def document(self) -> dict[str, Any]:
        """As a manifest shows it."""
        return {"rows": self.rows, "digest": f"{self.digest:064x}"}

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Self:
        """From a manifest; of nothing, that of no rows."""
        return cls(int(document["rows"]), int(document["digest"], 16)) if document else cls()


def line(row: Row) -> bytes:
    """A row as one line of a file, without its end: names in order and no spaces."""
    return wire.dumps({"Item": _ordered(row)})


def without_sealed(row: Row) -> Row:
    """The row without a sealed text beside its document."""
    private = row.get("private", {}).get("M", {})
    if SEALED not in private:
        return row
    kept = {name: value for name, value in private.items() if name != SEALED}
    rest = {name: value for name, value in row.items() if name != "private"}
    return {**rest, "private": {"M": kept}} if kept else rest


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(one) for one in value] if isinstance(value, list) else value

"""The store of measurements as an auditor reads it: item by item, by none of the ways that bills and exports read it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from usance.application.ports.usage_log import UsageScope
from usance.domain.metering.columns import Columns
from usance.domain.metering.tally import Tally


class DamagedItemError(Exception):
    """An item is not what was written; the message says where it shows."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """That measurements were accepted, what they came to, and by which item: `key` is its `receipt_key`.

    `received` is in microseconds since 1970; `tally` is None when the receipt cannot be read.
    """

    key: str
    received: int
    tally: Tally | None


class StoredBatch(Protocol):
    """An item of measurements, still packed."""

    @property
    def place(self) -> tuple[str, str]:
        """Month and sort key: they order what was received in one instant."""
        ...

    @property
    def count(self) -> int:
        """How many measurements it says it holds."""
        ...

    @property
    def merged(self) -> bool:
        """Whether it was made of others; it then has no receipt of its own."""
        ...

    @property
    def receipt_key(self) -> str:
        """The key of its receipt."""
        ...

    def accepted(self) -> Tally | None:
        """The figures that were kept in it when it was put; None when it is merged, or they cannot be read."""
        ...

    def uids(self) -> Sequence[str]:
        """The uid of each measurement. Raises `DamagedItemError`."""
        ...

    def received(self) -> Sequence[int]:
        """When each was received, in microseconds since 1970. Raises `DamagedItemError`."""
        ...

    def columns(self) -> Columns:
        """The measurements. Raises `DamagedItemError`."""
        ...


class UsageLedger(Protocol):
    """Strongly consistent but for `months_received`. Raises `UnavailableError` when it may work later."""

    def receipts(self, scope: UsageScope, month: str) -> Iterator[Receipt]:
        """Every receipt of a month."""
        ...

    def batches(self, scope: UsageScope, month: str) -> Iterator[StoredBatch]:
        """Every item of a month."""
        ...

    def months_received(self, scope: UsageScope, start: datetime, end: datetime) -> Sequence[str]:
        """The months of items of which a part was received in `[start, end]`; possibly more."""
        ...

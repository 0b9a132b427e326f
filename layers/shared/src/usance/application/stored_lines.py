"""A bill and its line items, which are rows of their own, as they stood together at one time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from usance.application.ports.bills import BillRepository, StoredBill
from usance.domain.kernel.errors import UsanceError
from usance.resources.wire import Document

CALCULATION: Final = "lastCalculatedDate"
VERSION: Final = "version"
_READS_MAX: Final = 5  # a bill is recalculated every few minutes at most


@dataclass(frozen=True, slots=True)
class StoredLines:
    """A bill and the line items that belong to it."""

    bill: StoredBill
    line_items: Sequence[Document]


def read_stored_lines(
    bills: BillRepository, org_id: str, bill_id: str, *, same: str, otherwise: UsanceError
) -> StoredLines | None:
    """The bill with the line items that were read while its field `same` stood still; None without a bill.

    `same` is `CALCULATION`, where changes of the status are no matter, or `VERSION`. Raises `otherwise` when it never does.
    """
    for _ in range(_READS_MAX):
        before = bills.get(org_id, bill_id)
        if before is None:
            return None
        items = bills.line_items(org_id, bill_id)
        after = bills.get_stored(org_id, bill_id)
        if after and after.header[same] == before[same]:
            return StoredLines(after, items)
    raise otherwise

"""Calculate a stored bill again from its record alone, and compare byte for byte."""

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice, zip_longest
from typing import Any, Final

from usance.application.billing.credits.ledger import Drawn
from usance.application.billing.memos.lines import TOTAL, calculated
from usance.application.billing.records.record import RECORD, Calculated, read_record
from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.stored_lines import VERSION, StoredLines, read_stored_lines
from usance.domain.billing.memos import sum_of
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.resources import wire
from usance.resources.wire import Document

DIFFERENCES_MAX: Final = 50  # enough to see what kind they are
MAY_BE_ABSENT: Final = frozenset({"purchaseOrderNumber"})


def replay_bill(bills: BillRepository, blobs: BlobStore, org_id: str, bill_id: str) -> Document:
    """Whether the stored bill is what its record gives, and where not. Credit and debit line items are left aside.

    `NotFoundError` without a bill.
    """
    stored = read_stored(bills, org_id, bill_id)
    again = Calculated.of(read_record(blobs, org_id, bill_id, stored.bill.private).decide())
    drawn = Drawn.of(stored.bill.private)
    kept = Calculated(_core(stored, again.core), list(calculated(stored.line_items)), drawn)
    return {
        "billId": bill_id,
        "recordId": stored.bill.private[RECORD],
        "equal": kept.text == again.text,
        "bytes": len(kept.text),
        "storedDigest": hashlib.sha256(kept.text).hexdigest(),
        "recalculatedDigest": hashlib.sha256(again.text).hexdigest(),
        "differences": list(islice(_differences(kept, again), DIFFERENCES_MAX)),
    }


def read_stored(bills: BillRepository, org_id: str, bill_id: str) -> StoredLines:
    """A bill with the line items of one version of it. `NotFoundError` without a bill."""
    busy = VersionConflictError(f"the bill {bill_id} is being calculated again; repeat the request")
    stored = read_stored_lines(bills, org_id, bill_id, same=VERSION, otherwise=busy)
    if stored is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    return stored


def _core(stored: StoredLines, names: Mapping[str, Any]) -> Document:
    """What the stored header says of the fields that a calculation makes, memos taken off its total."""
    header, private = stored.bill.header, stored.bill.private
    core = {name: header[name] for name in (*names, *(MAY_BE_ABSENT - names.keys())) if name in header}
    if TOTAL in private:
        core["billTotal"] = sum_of([header["billTotal"], -Decimal(private[TOTAL])])
    return core


def _differences(kept: Calculated, again: Calculated) -> Iterator[Document]:
    yield from _of_fields({}, kept.core, again.core)
    yield from _of_fields({}, kept.drawn.private(), again.drawn.private())
    for old, new in zip_longest(kept.line_items, again.line_items):
        yield from _of_fields({"lineItemId": (old or new)["id"]}, old or {}, new or {})


def _of_fields(where: Document, old: Document, new: Document) -> Iterator[Document]:
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if wire.dumps(one) != wire.dumps(other):
            yield {**where, "field": name, "stored": one, "recalculated": other}

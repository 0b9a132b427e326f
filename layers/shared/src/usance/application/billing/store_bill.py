"""Store a bill as it was decided, in one transaction with what it takes off commitments and balances."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from usance.application.audit import created
from usance.application.billing.calculation import Calculation
from usance.application.billing.credits.book import Book
from usance.application.billing.credits.ledger import Author, Drawn, changes
from usance.application.billing.fees import billed_fees
from usance.application.billing.memos.lines import TOTAL, appended, memos_of, total_of, under
from usance.application.billing.records.record import RECORD, BillRecord, Calculated, keep_record, key_of
from usance.application.billing.stores import Workbench
from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import Delete, Put
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.billing.memos import sum_of
from usance.domain.billing.numbering import Numbering
from usance.resources import instants
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Result:
    """A decided bill, and the record of what it is made of."""

    bill: Calculated
    record: BillRecord


def store_bill(
    bench: Workbench, calculation: Calculation, result: Result, book: Book, stored: StoredBill | None
) -> None:
    """Create the bill, or replace the one that is `stored`; an unchanged bill is not written again.

    Raises `VersionConflictError` when the bill, or a credit of the `book` on which it draws, has changed since it was read.
    """
    if stored is None:
        _create(bench, calculation, result, book)
    else:
        _replace(bench, calculation, result, book, stored)


def _beside(
    bench: Workbench, calculation: Calculation, result: Result, book: Book, old: Drawn
) -> Sequence[Put | Delete]:
    """What changes with the bill: the credits on which it draws, or drew."""
    author = Author(result.bill.core["id"], calculation.key.day, calculation.job["createdBy"], bench.stores.clock.now())
    org_id = calculation.agreement.org_id
    return changes(bench.stores.entities, org_id, book.documents, old, result.bill.drawn, author)


def _create(bench: Workbench, calculation: Calculation, result: Result, book: Book) -> None:
    config = calculation.agreement.catalogue.config()
    now = bench.stores.clock.now()
    when = instants.to_text(now)
    body = {
        "orgId": calculation.agreement.org_id,
        **result.bill.core,
        "status": BillStatus.PENDING.value,
        "locked": False,
        "billJobId": calculation.job["id"],
        "createdDate": when,
        "lastCalculatedDate": when,
        "jsonStatementGenerated": False,
        "csvStatementGenerated": False,
        "statementStale": False,
    }
    prefix = config.get("billPrefix")
    bench.stores.bills.create(
        calculation.agreement.org_id,
        created(body, result.bill.core["id"], calculation.job["createdBy"], now),
        result.bill.line_items,
        private=_private(bench, calculation, result, version=1),
        numbering=Numbering(prefix, int(config.get("sequenceStartNumber") or 0)) if prefix else None,
        beside=_beside(bench, calculation, result, book, Drawn()),
    )


def _replace(bench: Workbench, calculation: Calculation, result: Result, book: Book, stored: StoredBill) -> None:
    """Keep what belongs to the bill rather than to its calculation; a bill that was approved needs it again (Q22)."""
    old, job = stored.header, calculation.job
    same = stored.private.get("digest") == result.bill.digest
    if same and (calculation.scheduled or old["billJobId"] == job["id"]):
        return
    when = instants.to_text(bench.stores.clock.now())
    version = int(old["version"]) + 1
    lines, private = None, _private(bench, calculation, result, version) | _memo_total(stored)
    if not same:
        memos = _memos(bench, calculation, stored)
        lines = appended(result.bill.line_items, memos)
        private |= {TOTAL: str(total_of(memos))} if memos else {}
    kept = {name: value for name, value in old.items() if name in KEPT}
    header = {
        **result.bill.core,
        "billTotal": sum_of([result.bill.core["billTotal"], Decimal(private.get(TOTAL, 0))]),
        **kept,
        "version": version,
        "status": BillStatus.PENDING.value,
        "locked": False,
        "billJobId": job["id"],
        "lastCalculatedDate": when,
        "statementStale": bool(old["jsonStatementGenerated"] or old["csvStatementGenerated"]),
        "dtLastModified": when,
        "lastModifiedBy": job["createdBy"],
    }
    bench.stores.bills.replace(
        calculation.agreement.org_id,
        header,
        expected_version=int(old["version"]),
        line_items=lines,
        private=private,
        beside=_beside(bench, calculation, result, book, Drawn.of(stored.private)),
    )
    if (before := stored.private.get(RECORD)) and before != private[RECORD]:
        bench.blobs.delete([key_of(calculation.agreement.org_id, old["id"], before)])


def _memos(bench: Workbench, calculation: Calculation, stored: StoredBill) -> list[Document]:
    """What people added to the bill: it stays through every calculation (billing.md 11, Q20)."""
    if TOTAL not in stored.private:
        return []
    agreement = calculation.agreement
    items = bench.stores.bills.line_items(agreement.org_id, stored.header["id"])
    return [under(agreement.terms, memo) for memo in memos_of(items)]


def _memo_total(stored: StoredBill) -> dict[str, str]:
    return {TOTAL: stored.private[TOTAL]} if TOTAL in stored.private else {}


KEPT: Final = frozenset(
    {
        "orgId",
        "createdDate",
        "sequentialInvoiceNumber",
        "externalInvoiceReference",
        "jsonStatementGenerated",
        "csvStatementGenerated",
        "dtCreated",
        "createdBy",
    }
)
"""Fields of a bill that no calculation changes."""


def _private(bench: Workbench, calculation: Calculation, result: Result, version: int) -> dict[str, str]:
    """What is kept beside the header. The record is stored first: one too many is nothing, one too few is a bill unexplained."""
    bill = result.bill
    job_id = calculation.job["id"]
    record_id = keep_record(bench.blobs, calculation.agreement.org_id, result.record, job_id, version)
    kept = {"digest": bill.digest, "overrides": calculation.overrides.text(), RECORD: record_id}
    kept |= {**bill.drawn.private(), **billed_fees(bill.line_items)}
    grouping = calculation.key.grouping
    return {**kept, "grouping": grouping} if grouping else kept

"""Store a bill as it was decided, in one transaction with what it takes off commitments and balances."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from usance.application.audit import created
from usance.application.billing.billed_fees import kept_beside
from usance.application.billing.calculation import Calculation
from usance.application.billing.memos.lines import TOTAL, appended, memos_of, total_of, under
from usance.application.billing.records.record import RECORD, BillRecord, Calculated, keep_record, key_of
from usance.application.billing.states import DIGEST
from usance.application.billing.stores import Workbench
from usance.application.billing.whose_plan import told_of
from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import Delete, Guard, Put
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.billing.memos import sum_of
from usance.domain.billing.numbering import Numbering
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.resources import instants
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Result:
    """A decided bill, and the record of what it is made of."""

    bill: Calculated
    record: BillRecord


@dataclass(frozen=True, slots=True)
class Storing:
    """What a bill is stored on condition of: the bill as it was (None: there was none), lock date and fees.

    `beside` changes with it: the charges that it takes, the credits on which it draws, or drew.
    """

    beside: Sequence[Put | Delete]
    stored: StoredBill | None
    guards: Sequence[Guard]


def store_bill(bench: Workbench, calculation: Calculation, result: Result, storing: Storing) -> None:
    """Create the bill, or replace the one that is stored; an unchanged bill is not written again.

    Raises `VersionConflictError` or `NotFoundError` when anything that it was decided on has changed since it was read.
    """
    stored = storing.stored
    if stored is None:
        _create(bench, calculation, result, storing)
    else:
        _replace(bench, calculation, result, storing, stored)


def _create(bench: Workbench, calculation: Calculation, result: Result, storing: Storing) -> None:
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
    with _recorded(bench, calculation, result) as private:
        bench.stores.bills.create(
            calculation.agreement.org_id,
            created(body, result.bill.core["id"], calculation.job["createdBy"], now),
            result.bill.line_items,
            private=private,
            numbering=Numbering(prefix, int(config.get("sequenceStartNumber") or 0)) if prefix else None,
            beside=storing.beside,
            guards=storing.guards,
        )


def _replace(bench: Workbench, calculation: Calculation, result: Result, storing: Storing, stored: StoredBill) -> None:
    """Keep what belongs to the bill rather than to its calculation; a bill that was approved needs it again (Q22)."""
    old, job = stored.header, calculation.job
    same = stored.private.get(DIGEST) == result.bill.digest
    if same and not storing.beside and (calculation.scheduled or old["billJobId"] == job["id"]):
        return
    when = instants.to_text(bench.stores.clock.now())
    memos = None if same else _memos(bench, calculation, stored)
    totals = _memo_total(stored) if memos is None else _total(memos)
    header = {
        **result.bill.core,
        "billTotal": sum_of([result.bill.core["billTotal"], Decimal(totals.get(TOTAL, 0))]),
        **{name: value for name, value in old.items() if name in KEPT},
        "version": int(old["version"]) + 1,
        "status": BillStatus.PENDING.value,
        "locked": False,
        "billJobId": job["id"],
        "lastCalculatedDate": when,
        "statementStale": bool(old["jsonStatementGenerated"] or old["csvStatementGenerated"]),
        "dtLastModified": when,
        "lastModifiedBy": job["createdBy"],
    }
    with _recorded(bench, calculation, result) as private:
        bench.stores.bills.replace(
            calculation.agreement.org_id,
            header,
            expected_version=int(old["version"]),
            line_items=None if memos is None else appended(result.bill.line_items, memos),
            private=private | totals,
            beside=storing.beside,
            guards=storing.guards,
        )
    if before := stored.private.get(RECORD):
        bench.blobs.delete([key_of(calculation.agreement.org_id, old["id"], before)])


def _memos(bench: Workbench, calculation: Calculation, stored: StoredBill) -> list[Document]:
    """What people added to the bill: it stays through every calculation (billing.md 11, Q20)."""
    if TOTAL not in stored.private:
        return []
    agreement = calculation.agreement
    items = bench.stores.bills.line_items(agreement.org_id, stored.header["id"])
    return [under(agreement.terms, memo) for memo in memos_of(items)]


def _total(memos: Sequence[Document]) -> dict[str, str]:
    return {TOTAL: str(total_of(memos))} if memos else {}


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


@contextmanager
def _recorded(bench: Workbench, calculation: Calculation, result: Result) -> Iterator[dict[str, str]]:
    """What is kept beside the header, its record stored first: without it a bill would be unexplained.

    The record of a bill that is refused is removed; that of one that may have been stored, or may not, stays.
    """
    bill, org_id = result.bill, calculation.agreement.org_id
    inputs = result.record.inputs
    record_id = bench.stores.ids.new()
    keep_record(bench.blobs, org_id, result.record, record_id)
    kept = {DIGEST: bill.digest, "overrides": calculation.overrides.text(), RECORD: record_id}
    kept |= {
        **bill.drawn.private(),
        **kept_beside(bill.line_items, inputs.fees),
        **told_of(inputs),
    }
    grouping = calculation.key.grouping
    try:
        yield {**kept, "grouping": grouping} if grouping else kept
    except (VersionConflictError, NotFoundError, InvalidInputError):
        there = bench.stores.bills.get_stored(org_id, bill.core["id"])
        if there is None or there.private.get(RECORD) != record_id:
            bench.blobs.delete([key_of(org_id, bill.core["id"], record_id)])
        raise

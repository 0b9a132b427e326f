"""Make the files of a statement job. Running a job again, whatever became of the first run, finishes it once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from usance.application.ports.bills import BillRepository, StoredBill
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.usage_log import UsageReader
from usance.application.statements.gather import PricedBy, gather
from usance.application.statements.jobs import (
    CALCULATED,
    CANCELLED,
    COMPLETE,
    FAILED,
    PENDING,
    RUNNING,
    TYPE,
    file_key,
    moved,
    put,
)
from usance.application.statements.mark_bill import mark_bill
from usance.application.stored_lines import CALCULATION, StoredLines, read_stored_lines
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from usance.domain.statements.csv_layout import to_csv
from usance.domain.statements.json_layout import to_document
from usance.domain.statements.statement import Statement
from usance.resources import wire
from usance.resources.wire import Document

BY: Final = "SCHEDULER"  # nobody waits for the worker's own changes
JSON_TYPE: Final = "application/json"
CSV_TYPE: Final = "text/csv; charset=utf-8"

PricedOf = Callable[[str, StoredBill], PricedBy]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status a job is left in, and why it failed when it did in this run."""

    status: str
    reason: str | None = None


def run_statement_job(
    entities: EntityRepository,
    bills: BillRepository,
    usage: UsageReader,
    blobs: BlobStore,
    clock: Clock,
    *,
    org_id: str,
    job_id: str,
    priced: PricedOf,
) -> Outcome:
    """Run a job to its end; a job that is gone counts as cancelled. `priced` says what usage the lines of a bill price.

    A cancelled job leaves no trace on its bill. What cannot be made at all (the bill is gone, too many rows) leaves
    the job FAILED; a store that fails raises, and the same call finishes the job later.
    """
    job = entities.get(org_id, TYPE, job_id)
    if job is None:
        return Outcome(CANCELLED)
    reason = None
    if job["statementJobStatus"] == PENDING:
        job = _move(entities, clock, job, RUNNING)
    if job["statementJobStatus"] == RUNNING:
        try:
            job = _make(entities, bills, usage, blobs, clock, job, priced)
        except (NotFoundError, InvalidInputError) as refusal:
            job, reason = _move(entities, clock, job, FAILED), refusal.message
    if job["statementJobStatus"] == COMPLETE:
        mark_bill(
            bills,
            clock,
            org_id=org_id,
            bill_id=job["billId"],
            csv=job["includeCsvFormat"],
            calculated=job[CALCULATED],
            by=BY,
        )
    return Outcome(job["statementJobStatus"], reason)


def _make(
    entities: EntityRepository,
    bills: BillRepository,
    usage: UsageReader,
    blobs: BlobStore,
    clock: Clock,
    job: Document,
    priced: PricedOf,
) -> Document:
    stored = _read_bill(bills, job["orgId"], job["billId"])
    statement = gather(
        entities,
        usage,
        org_id=job["orgId"],
        bill=stored.bill,
        line_items=stored.line_items,
        meter_ids=job["filters"]["meterIds"],
        priced=priced(job["orgId"], stored.bill),
    )
    calculated = stored.bill.header["lastCalculatedDate"]
    _write(blobs, job, calculated, statement)
    return _move(entities, clock, job, COMPLETE, calculated)


def _read_bill(bills: BillRepository, org_id: str, bill_id: str) -> StoredLines:
    """The bill with the line items of the same calculation. `NotFoundError` when there is none."""
    busy = VersionConflictError(f"the bill {bill_id} is being recalculated; its statement follows")
    stored = read_stored_lines(bills, org_id, bill_id, same=CALCULATION, otherwise=busy)
    if stored is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    return stored


def _write(blobs: BlobStore, job: Document, calculated: str, statement: Statement) -> None:
    blobs.put(file_key(job, calculated, "json"), wire.dumps(to_document(statement)), JSON_TYPE)
    if job["includeCsvFormat"]:
        blobs.put(file_key(job, calculated, "csv"), to_csv(statement).encode(), CSV_TYPE)


def _move(
    entities: EntityRepository, clock: Clock, job: Document, status: str, calculated: str | None = None
) -> Document:
    """The job in `status`, or as someone else left it meanwhile: cancelled, or run by a second delivery."""
    after = moved(job, status, BY, clock.now(), calculated)
    try:
        entities.commit(job["orgId"], [put(after, int(job["version"]))])
    except VersionConflictError:
        return entities.get(job["orgId"], TYPE, job["id"]) or {**job, "statementJobStatus": CANCELLED}
    return after

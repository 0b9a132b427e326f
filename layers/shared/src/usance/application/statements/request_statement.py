"""Have a bill's statement made without being asked for a job: on approval, or when its CSV is wanted."""

from typing import Final

from usance.application.audit import created
from usance.application.ports.bills import BillRepository
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.queue import Queue
from usance.application.statements.jobs import ACTIVE, COMPLETE, PENDING, TYPE, fresh, moved, put
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.domain.kernel.ids import dated_id
from usance.resources.instants import from_text
from usance.resources.wire import Document

AUTO_GENERATE_MODES: Final = {"JSON": False, "JSON_AND_CSV": True}
"""Values of autoGenerateStatementMode that ask for a statement, and whether with CSV; any other asks for none."""


def request_statement(
    entities: EntityRepository,
    bills: BillRepository,
    queue: Queue,
    clock: Clock,
    *,
    org_id: str,
    bill_id: str,
    include_csv: bool,
    requested_by: str,
) -> Document:
    """The job that makes the bill's statement as the bill is calculated now; asking again gives the same job.

    A job that failed or was cancelled starts anew. `requested_by` is an audit name. `NotFoundError` for an unknown
    bill.
    """
    bill = bills.get(org_id, bill_id)
    if bill is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    calculated = bill["lastCalculatedDate"]
    job_id = dated_id(from_text(calculated).date(), org_id, bill_id, calculated, str(include_csv))
    job = _ensure(entities, clock, org_id, bill, job_id, include_csv=include_csv, by=requested_by)
    if job["statementJobStatus"] in ACTIVE:
        queue.send([{"orgId": org_id, "jobId": job_id}])  # again, in case an earlier request stopped before this line
    return job


def _ensure(
    entities: EntityRepository, clock: Clock, org_id: str, bill: Document, job_id: str, *, include_csv: bool, by: str
) -> Document:
    old = entities.get(org_id, TYPE, job_id)
    if old is not None and old["statementJobStatus"] in {*ACTIVE, COMPLETE}:
        return old
    if old is not None:
        job = moved(old, PENDING, by, clock.now())
    else:
        job = created(fresh(org_id, bill["id"], include_csv=include_csv), job_id, by, clock.now())
    try:
        entities.commit(org_id, [put(job, int(old["version"]) if old else None)])
    except VersionConflictError:
        current = entities.get(org_id, TYPE, job_id)  # another request was quicker
        if current is None:
            raise
        return current
    return job

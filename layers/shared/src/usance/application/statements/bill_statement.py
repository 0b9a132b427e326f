"""The files of a bill's statement, by the bill (billing.md 14)."""

from collections.abc import Callable
from typing import Final

from usance.application.access.authorize import require
from usance.application.ports.bills import BillRepository
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.queue import Queue
from usance.application.statements.jobs import CANCELLED, COMPLETE, FAILED, TYPE, download_url
from usance.application.statements.request_statement import request_statement
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError
from usance.resources.wire import Document

POLL_SECONDS: Final = 0.25
POLLS_MAX: Final = 80  # 20 seconds: the answer must be out before the HTTP API gives up at 30


def get_bill_statement(
    entities: EntityRepository, bills: BillRepository, blobs: BlobStore, *, caller: Caller, bill_id: str, extension: str
) -> Document:
    """`{downloadUrl}` of the bill's newest statement as `json` or `csv`. `NotFoundError` when none was made."""
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    if bills.get(caller.org_id, bill_id) is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    jobs = [
        job
        for job in entities.list_all(caller.org_id, TYPE, filters={"billId": [bill_id], "status": [COMPLETE]})
        if extension == "json" or job["includeCsvFormat"]
    ]
    if not jobs:
        raise NotFoundError(f"no statement of the bill {bill_id} was made as {extension}; create a statement job first")
    newest = max(jobs, key=lambda job: (job["dtLastModified"], job["id"]))
    return {"downloadUrl": download_url(blobs, newest, extension)}


def create_bill_csv(
    entities: EntityRepository,
    bills: BillRepository,
    blobs: BlobStore,
    queue: Queue,
    clock: Clock,
    *,
    caller: Caller,
    bill_id: str,
    sleep: Callable[[float], None],
) -> Document:
    """Have the bill's statement made as CSV and answer `{downloadUrl}`.

    Asking again for an unchanged bill gives the same file. `UnavailableError` when it takes longer than a request may:
    it is being made, and asking again gives it.
    """
    require(caller, Action.CONFIG_CREATE, TYPE)
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    job = request_statement(
        entities,
        bills,
        queue,
        clock,
        org_id=caller.org_id,
        bill_id=bill_id,
        include_csv=True,
        requested_by=caller.audit_name,
    )
    for _ in range(POLLS_MAX):
        status = job["statementJobStatus"]
        if status == COMPLETE:
            return {"downloadUrl": download_url(blobs, job, "csv")}
        if status in {FAILED, CANCELLED}:
            raise InvalidInputError(f"the statement of the bill {bill_id} is {status.lower()}; see its statement jobs")
        sleep(POLL_SECONDS)
        job = entities.get(caller.org_id, TYPE, job["id"]) or job
    raise UnavailableError("the statement is still being made; ask again")

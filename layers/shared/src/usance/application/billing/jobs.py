"""Bill jobs as they are stored: their states, how they move, what the API shows of them (billing.md 12.8)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from usance.application.audit import updated
from usance.application.billing.stores import SCHEDULER, BillingStores
from usance.application.billing.values import day
from usance.application.ports.entities import Put
from usance.domain.kernel.errors import NotFoundError, VersionConflictError
from usance.domain.kernel.timezones import local_day
from usance.resources.instants import from_text
from usance.resources.wire import Document

TYPE: Final = "billJob"

PENDING: Final = "PENDING"
INITIALIZING: Final = "INITIALIZING"
RUNNING: Final = "RUNNING"
COMPLETE: Final = "COMPLETE"
CANCELLED: Final = "CANCELLED"
STATUSES: Final = (PENDING, INITIALIZING, RUNNING, COMPLETE, CANCELLED)
ACTIVE: Final = frozenset({PENDING, INITIALIZING, RUNNING})

CREATE: Final = "CREATE"
RECALCULATE: Final = "RECALCULATE"

GIVEN_UP_AFTER: Final = timedelta(hours=12)  # six deliveries of a message, half an hour apart, and a long queue
MOVES_MAX: Final = 20  # rivals of one job's row: its workers as they end, and a caller who cancels


def last_billed_day(request: Document, now: datetime, zone: tzinfo) -> date:
    """The day in whose periods bills fall: lastDateInBillingPeriod, else the day before billDate or today."""
    last, billed = request.get("lastDateInBillingPeriod"), request.get("billDate")
    if last:
        return day(last)
    return (day(billed) if billed else local_day(now, zone)) - timedelta(days=1)


def put(job: Document, expected_version: int | None) -> Put:
    """The change that stores `job`, found by status and by whether it is active."""
    status = job["status"]
    indexed = {"status": [status], "active": [str(status in ACTIVE).lower()]}
    return Put(TYPE, job, expected_version, indexed=indexed)


def move(
    stores: BillingStores, org_id: str, job_id: str, to: str, *, only_from: Collection[str], by: str = SCHEDULER
) -> Document:
    """The job in status `to`, or as it is when its status is not in `only_from`. `NotFoundError` without a job."""
    for _ in range(MOVES_MAX):
        job = stores.entities.get(org_id, TYPE, job_id)
        if job is None:
            raise NotFoundError(f"there is no bill job {job_id}")
        if job["status"] not in only_from:
            return job
        after = updated(_body(stores, job, to), job, by, stores.clock.now())
        try:
            stores.entities.commit(org_id, [put(after, int(job["version"]))])
        except VersionConflictError:
            continue
        return after
    raise VersionConflictError(f"the bill job {job_id} changes all the time; repeat the request")


def finish_if_done(stores: BillingStores, org_id: str, job_id: str) -> None:
    """Move the job to COMPLETE once every account is done. Asking again changes nothing."""
    if stores.progress.read(org_id, job_id).complete:
        move(stores, org_id, job_id, COMPLETE, only_from=ACTIVE)


def is_stuck(job: Document, now: datetime) -> bool:
    """Whether an active job has lost messages: so long nothing waits."""
    return now - from_text(job["dtCreated"]) >= GIVEN_UP_AFTER


def give_up(stores: BillingStores, org_id: str, stuck: Sequence[Document]) -> None:
    """Cancel jobs that nobody is going to end, so that others can run."""
    for job in stuck:
        move(stores, org_id, job["id"], CANCELLED, only_from=ACTIVE)


def shown(stores: BillingStores, job: Document, *, with_bills: bool = True) -> Document:
    """The job as the API answers it, with how far it has come."""
    org_id, job_id = job["orgId"], job["id"]
    answer = dict(job)
    if job["status"] in ACTIVE:
        answer |= _counts(stores, org_id, job_id)
    if with_bills and job["type"] == CREATE:
        answer["billIds"] = list(stores.progress.bill_ids(org_id, job_id))
    return answer


def messages(org_id: str, job_id: str, account_ids: Sequence[str], as_of: datetime | None = None) -> list[Document]:
    """One message per account to bill. `as_of` is set for scheduled billing: the time of its tick."""
    extra = {"asOf": as_of.isoformat()} if as_of else {}
    return [
        {"kind": "bill", "orgId": org_id, "jobId": job_id, "accountId": account_id, **extra}
        for account_id in account_ids
    ]


def expand_message(org_id: str, job_id: str, as_of: datetime | None = None, next_token: str | None = None) -> Document:
    """The message that cuts a job, from `next_token` on, into accounts."""
    message = {"kind": "expand", "orgId": org_id, "jobId": job_id}
    if as_of:
        message["asOf"] = as_of.isoformat()
    if next_token:
        message["nextToken"] = next_token
    return message


def _body(stores: BillingStores, job: Document, status: str) -> Document:
    counts = {} if status in ACTIVE else _counts(stores, job["orgId"], job["id"])
    return {**job, **counts, "status": status, "version": int(job["version"]) + 1}


def _counts(stores: BillingStores, org_id: str, job_id: str) -> Document:
    progress = stores.progress.read(org_id, job_id)
    return {"total": progress.total, "pending": max(progress.total - progress.done, 0)}

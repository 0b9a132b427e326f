"""Ingest a file of measurements, from where it was left (metering.md 2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from usance.application.busy import FAULTS_MAX, delay_seconds
from usance.application.ingest.ingest_measurements import take_in
from usance.application.ingest.report_failures import report_refused
from usance.application.uploads import rows
from usance.application.uploads.jobs import FAILED, RUNNING, SUCCEEDED, change_job, file_key
from usance.application.uploads.ports import UploadWorkbench
from usance.application.uploads.rows import ENVELOPE, Batch, batches
from usance.domain.access import Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError
from usance.domain.metering.submission import BODY_MAX_BYTES, check
from usance.resources.measurements import decode
from usance.resources.wire import Document

ROWS_BETWEEN_RECORDS: Final = 20_000  # rows that a worker which dies has to send again, which stores nothing
GIVEN_UP: Final = "the stores did not take every row, however often they were tried; totalRows says how many were read"
ROW_MAX_BYTES: Final = BODY_MAX_BYTES - len(ENVELOPE) - len(b"]}")


@dataclass(slots=True)
class _Progress:
    """Rows done so far, once the job is `known`, and whether any were now."""

    total: int = 0
    failed: int = 0
    known: bool = False
    moved: bool = False

    def fields(self, status: str) -> Document:
        """The job's fields."""
        if not self.known:
            return {"status": status}
        return {
            "status": status,
            "totalRows": self.total,
            "failedRows": self.failed,
            "processedRows": self.total - self.failed,
        }


def process_upload(
    bench: UploadWorkbench,
    org_id: str,
    job_id: str,
    *,
    time_is_up: Callable[[], bool],
    faults: int = 0,
    last_try: bool = False,
) -> str | None:
    """The status of the job afterwards; None when there is no such job. A job that is over stays as it is.

    When `time_is_up`, it records where it is and puts a message onto the queue that goes on from there. So it does when a
    store is busy, later each time, unless that happened `FAULTS_MAX` times without a row read; `faults` is how often it
    did before. A file that is gone, or stops being what it should be, fails the job, and an event says why. Any other
    fault raises, and at the `last_try` fails the job.
    """
    progress = _Progress()
    try:
        return _work_on(bench, org_id, job_id, progress, time_is_up)
    except UnavailableError:
        again = 1 if progress.moved else faults + 1
        if last_try or again == FAULTS_MAX:
            return _fail(bench, org_id, job_id, progress, GIVEN_UP)
        message = {"kind": "continue", "orgId": org_id, "jobId": job_id, "faults": again}
        bench.queue.send([message], delay_seconds=delay_seconds(again))
        return RUNNING
    except Exception:
        if not last_try:
            raise
        return _fail(bench, org_id, job_id, progress, GIVEN_UP)


def _work_on(
    bench: UploadWorkbench, org_id: str, job_id: str, progress: _Progress, time_is_up: Callable[[], bool]
) -> str | None:
    ports = bench.ingest
    job = change_job(ports.entities, ports.clock, org_id, job_id, _begun)
    if job is None or job["status"] != RUNNING:
        return _told(bench, org_id, job)
    progress.total, progress.failed, progress.known = int(job["totalRows"]), int(job["failedRows"]), True
    try:
        done = _go_on(bench, org_id, job, progress, time_is_up)
    except (InvalidInputError, NotFoundError) as refused:
        return _fail(bench, org_id, job_id, progress, refused.message)
    except UnavailableError:
        _record(bench, org_id, job_id, progress, RUNNING)
        raise
    if not done:
        bench.queue.send([{"kind": "continue", "orgId": org_id, "jobId": job_id}])
        return RUNNING
    _record(bench, org_id, job_id, progress, SUCCEEDED)
    return SUCCEEDED


def _go_on(
    bench: UploadWorkbench, org_id: str, job: Document, progress: _Progress, time_is_up: Callable[[], bool]
) -> bool:
    """Whether every row was read; False when time was up before. `progress` tells how many were."""
    caller = _caller(org_id, job)
    with bench.ingest.blobs.open(file_key(org_id, job["id"])) as stream:
        for batch in batches(stream, job["id"], progress.total, job.get("contentType", "")):
            progress.failed += _ingest(bench, caller, job["id"], batch)
            recorded = progress.total // ROWS_BETWEEN_RECORDS
            progress.total += len(batch.rows)
            progress.moved = True
            over = time_is_up()
            if over or progress.total // ROWS_BETWEEN_RECORDS > recorded:
                _record(bench, org_id, job["id"], progress, RUNNING)
            if over:
                return False
    return True


def _fail(bench: UploadWorkbench, org_id: str, job_id: str, progress: _Progress, reason: str) -> str | None:
    """The status of the job: that of another worker when that one was further, or is done."""
    job = _record(bench, org_id, job_id, progress, FAILED, failureReason=reason)
    return _told(bench, org_id, job)


def _told(bench: UploadWorkbench, org_id: str, job: Document | None) -> str | None:
    """The status of the job. One that failed has its event: who failed it may have died before it was raised.

    The event follows from what the job says, so that raising it again changes nothing, and no other job has one.
    """
    if job and job["status"] == FAILED and "failureReason" in job:
        place = f"{job['id']}-{job['totalRows']}"
        report_refused(bench.ingest, org_id, place, [(job["failureReason"], b"null")], bench.ingest.clock.now())
    return job["status"] if job else None


def _begun(job: Document) -> Document | None:
    return None if job["status"] in {RUNNING, SUCCEEDED, FAILED} else {"status": RUNNING}


def _record(
    bench: UploadWorkbench, org_id: str, job_id: str, progress: _Progress, status: str, **more: str
) -> Document | None:
    def change(job: Document) -> Document | None:
        """What another worker with the same file did already is not undone."""
        further = (progress.known and int(job["totalRows"]) > progress.total) or job["status"] in {SUCCEEDED, FAILED}
        return None if further else progress.fields(status) | more

    return change_job(bench.ingest.entities, bench.ingest.clock, org_id, job_id, change)


def _ingest(bench: UploadWorkbench, caller: Caller, job_id: str, batch: Batch) -> int:
    """Ingest a batch and answer how many of its rows were kept out."""
    try:
        for row in batch.rows:
            _bounded(row)
        return take_in(bench.ingest, bench.directory, caller, batch.body(), rows.PART)
    except InvalidInputError:
        pass
    good, bad = _sorted_out(bench, caller, job_id, batch)
    if good:
        bad += take_in(bench.ingest, bench.directory, caller, Batch(batch.first, good).body(), rows.PART)
    return bad


def _bounded(row: bytes) -> bytes:
    if len(row) > ROW_MAX_BYTES:
        raise InvalidInputError(f"a measurement of {len(row)} bytes is larger than a request may be")
    return row


def _sorted_out(bench: UploadWorkbench, caller: Caller, job_id: str, batch: Batch) -> tuple[Sequence[bytes], int]:
    """The rows that a request could carry, and how many could not; an event says which and why, for each."""
    good: list[bytes] = []
    refused: list[tuple[str, bytes]] = []
    now = bench.ingest.clock.now()
    for number, row in enumerate(batch.rows, batch.first):
        try:
            check(decode(ENVELOPE + _bounded(row) + b"]}", rows.PART), now)
        except InvalidInputError as refusal:
            refused.append((f"rows[{number}]{_within(str(refusal))}", row))
        else:
            good.append(row)
    report_refused(bench.ingest, caller.org_id, job_id, refused, now)
    return good, len(refused)


def _within(refusal: str) -> str:
    """What is wrong with a row, of a refusal that takes it for the one measurement of a request."""
    place, found, rest = refusal.partition("measurements[0]")
    return rest if found and not place else f": {refusal}"


def _caller(org_id: str, job: Document) -> Caller:
    """Who made the job; accounts that the file makes are theirs."""
    principal_type, _, principal_id = str(job["createdBy"]).rpartition("_")
    return Caller(org_id, principal_id, principal_type, ())

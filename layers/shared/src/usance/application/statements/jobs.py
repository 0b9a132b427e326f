"""Statement jobs as they are stored: their states, their files, and what the API shows of them."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from usance.application.audit import updated
from usance.application.ports.blobs import BlobStore
from usance.application.ports.entities import Put
from usance.resources.wire import Document

TYPE: Final = "statementJob"

PENDING: Final = "PENDING"
RUNNING: Final = "RUNNING"
COMPLETE: Final = "COMPLETE"
CANCELLED: Final = "CANCELLED"
FAILED: Final = "FAILED"
STATUSES: Final = (PENDING, RUNNING, COMPLETE, CANCELLED, FAILED)
ACTIVE: Final = frozenset({PENDING, RUNNING})

DOWNLOAD_VALID: Final = timedelta(minutes=15)  # long enough to start a download, short for a URL that leaks

# Which calculation of the bill the statement shows; kept in the row, never in an answer.
CALCULATED: Final = "billLastCalculatedDate"

_NOT_A_DIGIT: Final = re.compile(r"\D")
_BODY: Final = ("orgId", "billId", "includeCsvFormat", "filters", CALCULATED)


def fresh(org_id: str, bill_id: str, *, include_csv: bool, meter_ids: Sequence[str] = ()) -> Document:
    """The body of a job that waits to be run."""
    return {
        "orgId": org_id,
        "billId": bill_id,
        "includeCsvFormat": include_csv,
        "filters": {"meterIds": list(meter_ids)},
        "statementJobStatus": PENDING,
    }


def moved(job: Document, status: str, by: str, at: datetime, calculated: str | None = None) -> Document:
    """The job's next version, in `status`; `calculated` is the calculation of the bill that its files show."""
    body = {name: job[name] for name in _BODY if name in job} | {"statementJobStatus": status}
    return updated(body | ({CALCULATED: calculated} if calculated else {}), job, by, at)


def put(job: Document, expected_version: int | None) -> Put:
    """The change that stores `job`, found by bill, by status and by whether it is active."""
    status = job["statementJobStatus"]
    return Put(
        TYPE,
        job,
        expected_version,
        indexed={"billId": [job["billId"]], "status": [status], "active": [str(status in ACTIVE).lower()]},
    )


def file_key(job: Document, calculated: str, extension: str) -> str:
    """Where a job's file on a calculation of the bill is.

    A later statement never replaces an earlier one, nor does a slow run of the job replace what a quicker one showed.
    """
    return f"{job['orgId']}/statements/{job['billId']}/{job['id']}/{_NOT_A_DIGIT.sub('', calculated)}.{extension}"


def download_url(blobs: BlobStore, job: Document, extension: str) -> str:
    """A presigned URL of a complete job's file."""
    return blobs.download_url(
        file_key(job, job[CALCULATED], extension),
        valid_for=DOWNLOAD_VALID,
        file_name=f"statement-{job['billId']}.{extension}",
    )


def present(blobs: BlobStore, job: Document, bill: Document | None) -> Document:
    """The job as the API answers it: URLs and their standing only once it is complete.

    LATEST shows the bill as last calculated, STALE an earlier calculation, INVALIDATED a bill that is no more.
    """
    shown: dict[str, Any] = {name: value for name, value in job.items() if name != CALCULATED}
    if job["statementJobStatus"] != COMPLETE:
        return shown
    standing = "INVALIDATED" if bill is None else "LATEST" if is_latest(job, bill) else "STALE"
    shown |= {"jsonStatementStatus": standing, "presignedJsonStatementUrl": download_url(blobs, job, "json")}
    if job["includeCsvFormat"]:
        shown |= {"csvStatementStatus": standing, "presignedCsvStatementUrl": download_url(blobs, job, "csv")}
    return shown


def is_latest(job: Document, bill: Document) -> bool:
    """Whether a complete job shows the bill as it was last calculated."""
    return job.get(CALCULATED) == bill.get("lastCalculatedDate")

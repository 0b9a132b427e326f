"""The jobs of a revision: what was, or is being, done with its items (metering.md 9.2)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import created, updated
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.revisions import Place, find_revision
from usance.application.ports.entities import Delete, Page, Put
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources import instants
from usance.resources.lookup_table import LOOKUP_JOB, LOOKUP_TABLE_REVISION
from usance.resources.wire import Document

COPY: Final = "COPY"
UPLOAD: Final = "UPLOAD"
DOWNLOAD: Final = "DOWNLOAD"
ARCHIVE: Final = "ARCHIVE"
PENDING: Final = "PENDING"
SUCCEEDED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"
DELETED_AT_ONCE: Final = 25  # a transaction holds 100 rows; a job has two
URL_VALID_FOR: Final = timedelta(hours=1)
HIDDEN: Final = frozenset(
    {"fileKey", "contentType", "dataVersion", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy"}
)


def new_job(
    ports: LookupPorts, caller: Caller, place: Place, type_: str, status: str, id_: str = "", **more: Any
) -> Document:
    """Store a job, by default with a new id, and answer it."""
    now = ports.clock.now()
    body = {
        "type": type_,
        "status": status,
        "jobDate": instants.to_text(now),
        "lookupTableId": place.table_id,
        "lookupTableRevisionId": place.revision_id,
        **more,
    }
    job = created(body, id_ or ports.ids.new(), caller.audit_name, now)
    index = {"lookupTableRevisionId": [place.revision_id]}
    ports.entities.commit(caller.org_id, [Put(LOOKUP_JOB, job, indexed=index)])
    return job


def end_job(ports: LookupPorts, org_id: str, job: Document, status: str, reason: str | None = None) -> Document:
    """The job at its end."""
    body = {name: value for name, value in job.items() if name not in {"id", "version"}}
    fields = {"status": status} | ({"failureReason": reason} if reason else {})
    after = updated({**body, **fields}, job, job["lastModifiedBy"], ports.clock.now())
    index = {"lookupTableRevisionId": [job["lookupTableRevisionId"]]}
    ports.entities.commit(org_id, [Put(LOOKUP_JOB, after, int(job["version"]), indexed=index)])
    return after


def get_job(ports: LookupPorts, caller: Caller, place: Place, job_id: str) -> Document:
    """One job, with a fresh URL for the file that it made. `NotFoundError` when the revision has none of that id."""
    require(caller, Action.CONFIG_RETRIEVE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    return shown(ports, _found(ports, caller, place, job_id))


def list_jobs(ports: LookupPorts, caller: Caller, place: Place, *, page_size: int, next_token: str | None) -> Page:
    """A page of the revision's jobs, newest first."""
    require(caller, Action.CONFIG_RETRIEVE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    find_revision(ports.entities, caller.org_id, place)
    filters = {"lookupTableRevisionId": [place.revision_id]}
    page = ports.entities.list_page(
        caller.org_id, LOOKUP_JOB, filters=filters, page_size=page_size, next_token=next_token
    )
    return Page(_shown(ports, page.data), page.next_token)


def delete_job(ports: LookupPorts, caller: Caller, place: Place, job_id: str) -> Document:
    """The job as it was; its file goes with it. A file that was not read yet is then never read."""
    require(caller, Action.CONFIG_DELETE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    job = _found(ports, caller, place, job_id)
    answer = shown(ports, job)
    ports.entities.commit(caller.org_id, [Delete(LOOKUP_JOB, job_id, int(job["version"]))])
    if "fileKey" in job:
        ports.blobs.delete([job["fileKey"]])
    return answer


def drop_jobs(ports: LookupPorts, org_id: str, revision_id: str) -> None:
    """Delete every job of a revision that is gone, with its file."""
    filters = {"lookupTableRevisionId": [revision_id]}
    while found := ports.entities.list_page(org_id, LOOKUP_JOB, filters=filters, page_size=DELETED_AT_ONCE).data:
        ports.entities.commit(org_id, [Delete(LOOKUP_JOB, job["id"]) for job in found])
        if keys := [job["fileKey"] for job in found if "fileKey" in job]:
            ports.blobs.delete(keys)


def shown(ports: LookupPorts, job: Document) -> Document:
    """A job as the API answers it."""
    answer = {name: value for name, value in job.items() if name not in HIDDEN}
    if job["type"] in {DOWNLOAD, ARCHIVE} and job["status"] == SUCCEEDED:
        expiry = ports.clock.now() + URL_VALID_FOR
        url = ports.blobs.download_url(job["fileKey"], valid_for=URL_VALID_FOR, file_name=job["fileName"])
        answer |= {"downloadUrl": url, "downloadUrlExpiry": instants.to_text(expiry)}
    return answer


def _shown(ports: LookupPorts, jobs: Sequence[Document]) -> Sequence[Document]:
    return [shown(ports, job) for job in jobs]


def _found(ports: LookupPorts, caller: Caller, place: Place, job_id: str) -> Document:
    find_revision(ports.entities, caller.org_id, place)
    job = ports.entities.get(caller.org_id, LOOKUP_JOB, job_id)
    if job is None or job["lookupTableRevisionId"] != place.revision_id:
        raise NotFoundError(f"the revision {place.revision_id[:100]} has no job {job_id[:100]}")
    return job

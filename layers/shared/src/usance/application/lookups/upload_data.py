"""Put the items of an uploaded file into a draft (metering.md 9.2)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.busy import FAULTS_MAX, delay_seconds
from usance.application.lookups.change_items import change_items
from usance.application.lookups.files import from_file
from usance.application.lookups.item_store import Items
from usance.application.lookups.jobs import FAILED, PENDING, SUCCEEDED, UPLOAD, end_job, new_job
from usance.application.lookups.ports import LookupPorts, LookupWorkbench
from usance.application.lookups.revisions import Place, find_revision, manifest_of
from usance.application.uploaded_files import file_key
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import checked_item, lookup_key, require_draft
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.resources.lookup_table import LOOKUP_JOB, LOOKUP_TABLE_REVISION, LookupUpload
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

UPLOAD_VALID_FOR: Final = timedelta(minutes=1)
FOLDER: Final = "uploads/lookups"


def generate_lookup_upload_url(ports: LookupPorts, caller: Caller, place: Place, body: Mapping[str, Any]) -> Document:
    """`jobId`, `url` and `headers`: a PUT of the file within a minute starts the job. Only a draft takes one."""
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    sent = document_of(validated(LookupUpload, body))
    require_draft(find_revision(ports.entities, caller.org_id, place))
    job_id = ports.ids.new()
    key = file_key(caller.org_id, FOLDER, job_id)
    more = {"dataVersion": sent["version"]} if "version" in sent else {}
    new_job(
        ports,
        caller,
        place,
        UPLOAD,
        PENDING,
        job_id,
        fileKey=key,
        fileName=sent["fileName"],
        contentType=sent["contentType"],
        **more,
    )
    url, headers = ports.blobs.upload_url(
        key,
        content_type=sent["contentType"],
        content_length=int(sent["contentLength"]),
        valid_for=UPLOAD_VALID_FOR,
    )
    return {"jobId": job_id, "url": url, "headers": dict(headers)}


def process_lookup_upload(
    bench: LookupWorkbench, org_id: str, job_id: str, *, faults: int = 0, last_try: bool = False
) -> str | None:
    """The status of the job afterwards; None when there is no such job. A job that is over stays as it is.

    All items of the file are put, each replacing the one with its keys, or none. While a store is busy a message comes again,
    later each time, until that happened `FAULTS_MAX` times; `faults` is how often it did before. Any other fault raises, and
    at the `last_try` fails the job.
    """
    try:
        return _work_on(bench.ports, org_id, job_id)
    except UnavailableError:
        again = faults + 1
        if last_try or again == FAULTS_MAX:
            return _give_up(bench.ports, org_id, job_id)
        message = {"kind": "continue", "folder": FOLDER, "orgId": org_id, "jobId": job_id, "faults": again}
        bench.queue.send([message], delay_seconds=delay_seconds(again))
        return PENDING
    except Exception:
        if not last_try:
            raise
        return _give_up(bench.ports, org_id, job_id)


def _work_on(ports: LookupPorts, org_id: str, job_id: str) -> str | None:
    job = ports.entities.get(org_id, LOOKUP_JOB, job_id)
    if job is None or job["status"] != PENDING:
        return job["status"] if job else None
    try:
        _put_file(ports, org_id, job)
    except (InvalidInputError, NotFoundError, VersionConflictError) as refused:
        end_job(ports, org_id, job, FAILED, str(refused))
        return FAILED
    end_job(ports, org_id, job, SUCCEEDED)
    return SUCCEEDED


def _give_up(ports: LookupPorts, org_id: str, job_id: str) -> str | None:
    job = ports.entities.get(org_id, LOOKUP_JOB, job_id)
    if job is None or job["status"] != PENDING:
        return job["status"] if job else None
    end_job(ports, org_id, job, FAILED, "the stores did not take the items, however often they were tried")
    return FAILED


def _put_file(ports: LookupPorts, org_id: str, job: Document) -> None:
    place = Place(job["lookupTableId"], job["lookupTableRevisionId"])
    content = ports.blobs.get(job["fileKey"])

    def put(revision: Document, before: Items) -> Items:
        items: Items = {}
        for where, value in from_file(revision, content, job["contentType"]):
            item = checked_item(revision, value, where)
            key = lookup_key(revision["keys"], item)
            if key in items:
                raise InvalidInputError(f"{where}: another line has the key {key}")
            items[key] = item
        return before | items

    manifest = manifest_of(ports.entities, org_id, find_revision(ports.entities, org_id, place))
    if manifest and manifest.get("jobId") == job["id"]:
        return  # an earlier worker put them, and died before it could say so
    current = int(manifest["version"]) if manifest else None
    version = job.get("dataVersion", current)
    change_items(ports, _caller(org_id, job), place, put, version=version, job_id=job["id"])


def _caller(org_id: str, job: Document) -> Caller:
    """Who made the job."""
    principal_type, _, principal_id = str(job["createdBy"]).rpartition("_")
    return Caller(org_id, principal_id, principal_type, ())

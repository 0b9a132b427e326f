"""Make a URL that takes a file of measurements, and download the file again (metering.md 2)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.blobs import BlobStore
from usance.application.ports.entities import Put
from usance.application.uploads.csv_rows import template_of
from usance.application.uploads.jobs import NOT_UPLOADED, file_key
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources import instants
from usance.resources.file_upload import FILE_UPLOAD_JOB, UploadRequest
from usance.resources.meter import METER
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

UPLOAD_VALID_FOR: Final = timedelta(minutes=1)
DOWNLOAD_VALID_FOR: Final = timedelta(minutes=5)


def generate_upload_url(ports: EntityPorts, blobs: BlobStore, caller: Caller, body: Mapping[str, Any]) -> Document:
    """`jobId`, `url` and `headers`: a PUT of the file within a minute starts the job."""
    require(caller, Action.MEASUREMENTS_FILEUPLOAD, FILE_UPLOAD_JOB.type)
    sent = document_of(validated(UploadRequest, body))
    now = ports.clock.now()
    job = created(
        {
            "fileName": sent["fileName"],
            "contentLength": sent["contentLength"],
            "contentType": sent["contentType"],
            "uploadDate": instants.to_text(now),
            "status": NOT_UPLOADED,
            "totalRows": 0,
            "processedRows": 0,
            "failedRows": 0,
        },
        ports.ids.new(),
        caller.audit_name,
        now,
    )
    ports.entities.commit(caller.org_id, [Put(FILE_UPLOAD_JOB.type, job)])
    url, headers = blobs.upload_url(
        file_key(caller.org_id, job["id"]),
        content_type=sent["contentType"],
        content_length=int(sent["contentLength"]),
        valid_for=UPLOAD_VALID_FOR,
    )
    return {"jobId": job["id"], "url": url, "headers": dict(headers)}


def get_csv_template(ports: EntityPorts, caller: Caller, meter_id: str) -> Document:
    """`fileName` and `content` of an empty table of a meter's measurements. `NotFoundError` without such a meter."""
    require(caller, Action.CONFIG_RETRIEVE, METER.type, meter_id)
    meter = find(ports, caller.org_id, METER, meter_id)
    return {"fileName": f"{meter['code']}.csv", "content": template_of(meter)}


def get_original_url(ports: EntityPorts, blobs: BlobStore, caller: Caller, job_id: str) -> Document:
    """A URL for the file as it was uploaded, valid for five minutes. `NotFoundError` when it never was."""
    require(caller, Action.MEASUREMENTS_RETRIEVE, FILE_UPLOAD_JOB.type, job_id)
    job = find(ports, caller.org_id, FILE_UPLOAD_JOB, job_id)
    key = file_key(caller.org_id, job_id)
    if not blobs.exists(key):
        raise NotFoundError(f"the file of the job {job_id} was not uploaded")
    url = blobs.download_url(key, valid_for=DOWNLOAD_VALID_FOR, file_name=job["fileName"])
    return {"jobId": ports.ids.new(), "url": url, "headers": {}}

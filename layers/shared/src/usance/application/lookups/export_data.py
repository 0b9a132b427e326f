"""Make a file of a revision's items (metering.md 9.2)."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.lookups.change_items import ALL_SHARDS
from usance.application.lookups.files import ENDINGS, to_file
from usance.application.lookups.item_store import read_items
from usance.application.lookups.jobs import ARCHIVE, DOWNLOAD, SUCCEEDED, new_job, shown
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.read_data import consistently
from usance.application.lookups.revisions import Place, find_revision
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import RevisionStatus
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, FileFormat
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document


def download_data(ports: LookupPorts, caller: Caller, place: Place, body: Mapping[str, Any]) -> Document:
    """`jobId` of a job that is done: its URL is on the job."""
    return {"jobId": _export(ports, caller, place, body, DOWNLOAD)["id"]}


def archive_url(ports: LookupPorts, caller: Caller, place: Place, body: Mapping[str, Any]) -> Document:
    """`url` and `expiry` of a file of an archived revision, valid for an hour. `InvalidInputError` for another one."""
    require(caller, Action.CONFIG_EXPORT, LOOKUP_TABLE_REVISION.type, place.revision_id)
    revision = find_revision(ports.entities, caller.org_id, place)
    if revision["status"] != RevisionStatus.ARCHIVED:
        raise InvalidInputError(
            f"the revision {revision['id']} is {revision['status']}, not ARCHIVED; download it by jobs/download"
        )
    job = shown(ports, _export(ports, caller, place, body, ARCHIVE))
    return {"url": job["downloadUrl"], "expiry": job["downloadUrlExpiry"]}


def _export(ports: LookupPorts, caller: Caller, place: Place, body: Mapping[str, Any], type_: str) -> Document:
    require(caller, Action.CONFIG_EXPORT, LOOKUP_TABLE_REVISION.type, place.revision_id)
    content_type = document_of(validated(FileFormat, body))["contentType"]

    def read(revision: Document, manifest: Document | None) -> bytes:
        items = read_items(ports.blobs, caller.org_id, revision, manifest, ALL_SHARDS) if manifest else {}
        return to_file(revision, (items[key] for key in sorted(items)), content_type)

    content = consistently(ports, caller.org_id, place, read)
    job_id, ending = ports.ids.new(), ENDINGS[content_type]
    key = f"{caller.org_id}/lookup-files/{place.revision_id}/{job_id}.{ending}"
    ports.blobs.put(key, content, content_type)
    name = f"{place.revision_id}.{ending}"
    return new_job(ports, caller, place, type_, SUCCEEDED, job_id, fileKey=key, fileName=name)

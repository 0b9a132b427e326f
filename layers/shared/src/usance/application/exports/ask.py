"""Ask for an export: once, or by a schedule whose first job is made with it (metering.md 8.1, 8.2)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from usance.application.access.authorize import require, require_all, require_none_denied
from usance.application.audit import created
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.entities.prepare import prepare
from usance.application.entities.update_entity import update_entity
from usance.application.exports.due_job import due_job
from usance.application.exports.jobs import SUCCEEDED, TYPE, USAGE, job_put, message, read_job
from usance.application.exports.ports import ExportPorts
from usance.application.exports.spans import scheduled
from usance.application.ports.blobs import BlobStore
from usance.application.usage.named import named_in
from usance.domain.access import Action, Caller
from usance.domain.exports.types import holder_of, type_of
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants
from usance.resources.data_export import DATA_EXPORT_JOB, DATA_EXPORT_SCHEDULE, AdHocExport
from usance.resources.export_rules import check_selection
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

DOWNLOADED_WITHIN: Final = timedelta(hours=24)
URL_VALID_FOR: Final = timedelta(minutes=15)


def create_adhoc(ports: ExportPorts, caller: Caller, body: Mapping[str, Any]) -> Document:
    """`jobId` of the job that was made. `InvalidInputError` names what is wrong."""
    require(caller, Action.CONFIG_CREATE, TYPE)
    asked = document_of(validated(AdHocExport, body))
    _require_source(caller, asked)
    destinations = asked.get("destinationIds") or []
    _check_there(ports, caller.org_id, "destinationIds", "dataExportDestination", destinations)
    now = ports.clock.now()
    if asked["sourceType"] == USAGE:
        _check_span(asked, now)
    check_selection(asked, named_in(ports.entities, caller.org_id, asked))
    _check_there(ports, caller.org_id, "accountIds", "account", asked.get("accountIds") or [])
    job_id = ports.ids.new()
    ports.entities.commit(caller.org_id, [job_put(asked, job_id, caller.audit_name, now)])
    ports.queue.send([message(caller.org_id, job_id)])
    return {"jobId": job_id}


def create_schedule(entities: EntityPorts, ports: ExportPorts, caller: Caller, body: Mapping[str, Any]) -> Document:
    """The new schedule. Its first job is made in the same transaction, and runs at once."""
    require(caller, Action.CONFIG_CREATE, DATA_EXPORT_SCHEDULE.type)
    sent = document_of(validated(DATA_EXPORT_SCHEDULE.model, body))
    _require_source(caller, sent)
    now = ports.clock.now()
    document = created(sent, ports.ids.new(), caller.audit_name, now)
    change = prepare(entities, caller.org_id, DATA_EXPORT_SCHEDULE, document, None)
    first = job_put(scheduled(change.document, now), ports.ids.new(), caller.audit_name, now, change.document["id"])
    ports.entities.commit(caller.org_id, [change, first])
    ports.queue.send([message(caller.org_id, first.document["id"])])
    return change.document


def update_schedule(
    entities: EntityPorts, ports: ExportPorts, caller: Caller, id_: str, body: Mapping[str, Any]
) -> Document:
    """The schedule at its next version; what it exports from now on must be the caller's to export too.

    A run that was due before, and that nobody has looked at yet, is made as the schedule was.
    """
    require(caller, Action.CONFIG_UPDATE, DATA_EXPORT_SCHEDULE.type, id_)
    stored = find(entities, caller.org_id, DATA_EXPORT_SCHEDULE, id_)
    _require_source(caller, document_of(validated(DATA_EXPORT_SCHEDULE.model, body)))
    if job_id := due_job(ports, caller.org_id, stored, ports.clock.now()):
        ports.queue.send([message(caller.org_id, job_id)])
    return update_entity(entities, caller, DATA_EXPORT_SCHEDULE, id_, body)


def get_download_url(ports: EntityPorts, blobs: BlobStore, caller: Caller, job_id: str) -> Document:
    """`url` and `expirationTime` of a job's file: its own, or one archive of them when there are several.

    `InvalidInputError` when the job has not succeeded, or is older than a day.
    """
    require(caller, Action.EXPORTS_DOWNLOAD, TYPE, job_id)
    document = find(ports, caller.org_id, DATA_EXPORT_JOB, job_id)
    now = ports.clock.now()
    if document["status"] != SUCCEEDED:
        raise InvalidInputError(f"the job {job_id} is {document['status']}; only one that SUCCEEDED has a file")
    if now - instants.from_text(document["dateCreated"]) > DOWNLOADED_WITHIN:
        raise InvalidInputError(f"the job {job_id} is older than 24 hours; make another export")
    job = read_job(ports.entities, caller.org_id, job_id)
    file = job.made["download"] if job else {}
    url = blobs.download_url(file["key"], valid_for=URL_VALID_FOR, file_name=file["name"])
    return {"url": url, "expirationTime": instants.to_text(now + URL_VALID_FOR)}


def _require_source(caller: Caller, asked: Document) -> None:
    """Exporting shows everything of its kind, so that the caller must be allowed to export all of it."""
    if asked["sourceType"] == USAGE:
        require_all(caller, Action.MEASUREMENTS_EXPORT, "measurement")
        return
    for name in asked.get("operationalDataTypes") or []:
        type_ = type_of(name)
        require_all(caller, Action.CONFIG_EXPORT, type_)
        if holder := holder_of(type_):
            require_none_denied(caller, Action.CONFIG_EXPORT, holder)


def _check_there(ports: ExportPorts, org_id: str, field: str, type_: str, ids: list[str]) -> None:
    found = {one["id"] for one in ports.entities.get_many(org_id, type_, ids)} if ids else set()
    for id_ in ids:
        if id_ not in found:
            raise InvalidInputError(f"{field}: there is no {type_} {id_}")


def _check_span(asked: Document, now: datetime) -> None:
    for name in ("startDate", "endDate"):
        if name not in asked:
            raise InvalidInputError(f"{name} is required for an export of usage")
    if instants.from_text(asked["endDate"]) <= instants.from_text(asked["startDate"]):
        raise InvalidInputError("endDate must be after startDate")
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if instants.from_text(asked["endDate"]) > today + timedelta(days=1):
        raise InvalidInputError("endDate must be no later than the coming midnight in UTC")

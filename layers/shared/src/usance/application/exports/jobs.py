"""Export jobs as they are stored: what was asked, and how far the files are (metering.md 8.4).

What was asked, and the files made so far, are kept beside the job, where no answer shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from usance.application.audit import created, updated
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.kernel.errors import VersionConflictError
from usance.resources import instants, wire
from usance.resources.wire import Document

# By name: the schedules run every five minutes and need no registry.
TYPE: Final = "dataExportJob"
SCHEDULE: Final = "dataExportSchedule"
PENDING: Final = "PENDING"
RUNNING: Final = "RUNNING"
SUCCEEDED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"
OVER: Final = frozenset({SUCCEEDED, FAILED})
USAGE: Final = "USAGE"

_ASKED: Final = (
    "sourceType",
    "destinationIds",
    "exportFileFormat",
    "operationalDataTypes",
    "meterIds",
    "accountIds",
    "dimensionFilters",
    "aggregations",
    "groups",
    "startDate",
    "endDate",
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job with what is kept beside it: `asked`, the selection to export; `made`, see `Progress` of the worker."""

    document: Document
    asked: Document
    made: Document


def job_put(selection: Mapping[str, Any], id_: str, by: str, at: datetime, schedule_id: str | None = None) -> Put:
    """The change that makes a job, for what `selection` (a validated request, or a schedule) asks for."""
    asked = {name: selection[name] for name in _ASKED if selection.get(name) is not None}
    body = {
        **({"scheduleId": schedule_id} if schedule_id else {}),
        "sourceType": asked["sourceType"],
        "status": PENDING,
        "dateCreated": instants.to_text(at),
    }
    return _put(Job(created(body, id_, by, at), asked, {}), None)


def read_job(entities: EntityRepository, org_id: str, id_: str) -> Job | None:
    """The job as of now, or None."""
    document = entities.get(org_id, TYPE, id_)
    if document is None:
        return None
    beside = entities.get_private(org_id, TYPE, [id_]).get(id_, {})
    return Job(document, wire.loads(beside["asked"]), wire.loads(beside["made"]))


def change_job(
    entities: EntityRepository, org_id: str, job: Job, at: datetime, fields: Document, made: Document
) -> Job | None:
    """The job with new `fields` and what is `made`; None when somebody else changed it meanwhile."""
    body = {name: value for name, value in job.document.items() if name not in {"id", "version"}}
    document = updated({**body, **fields}, job.document, job.document["lastModifiedBy"], at)
    after = Job(document, job.asked, made)
    try:
        entities.commit(org_id, [_put(after, int(job.document["version"]))])
    except VersionConflictError:
        return None
    return after


def message(org_id: str, job_id: str) -> Document:
    """What has the worker make, or go on with, the files of a job."""
    return {"orgId": org_id, "jobId": job_id}


def _put(job: Job, version: int | None) -> Put:
    document = job.document
    index: dict[str, Sequence[str]] = {
        name: [str(document[name])] for name in ("scheduleId", "status") if name in document
    }
    private = {"asked": wire.dumps(job.asked).decode(), "made": wire.dumps(job.made).decode()}
    return Put(TYPE, document, version, indexed=index, private=private)

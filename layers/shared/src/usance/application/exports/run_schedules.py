"""Make the jobs of schedules that are due, for every organization (metering.md 8.2)."""

from datetime import datetime, timedelta
from typing import Final

from usance.application.exports.jobs import PENDING, SCHEDULE, TYPE, job_put, message
from usance.application.exports.ports import ExportPorts
from usance.application.exports.spans import scheduled
from usance.application.organizations import organization_ids
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import timed_id
from usance.resources import instants
from usance.resources.export_rules import latest_run_of
from usance.resources.wire import Document

BY: Final = "SCHEDULER"
SENT_AGAIN_AFTER: Final = timedelta(minutes=15)  # a message that was sent is received long before


def run_export_schedules(ports: ExportPorts, at: datetime) -> int:
    """How many jobs were given to the worker.

    A run that was missed is made up for, the latest one of a schedule; running again makes none twice. Jobs whose
    message was lost are sent again.
    """
    return sum(_run(ports, org_id, at) for org_id in organization_ids(ports.entities))


def _run(ports: ExportPorts, org_id: str, at: datetime) -> int:
    schedules = ports.entities.list_all(org_id, SCHEDULE, filters={})
    due = [id_ for schedule in schedules if (id_ := _job(ports, org_id, schedule, at))]
    waiting = ports.entities.list_all(org_id, TYPE, filters={"status": [PENDING]})
    lost = [
        job["id"]
        for job in waiting
        if at - instants.from_text(job["dtCreated"]) > SENT_AGAIN_AFTER and job["id"] not in due
    ]
    ids = [*due, *lost]
    if ids:
        ports.queue.send([message(org_id, id_) for id_ in ids])
    return len(ids)


def _job(ports: ExportPorts, org_id: str, schedule: Document, at: datetime) -> str | None:
    """The id of the job that was made for the schedule's latest run; None when there is none to make.

    A run before the schedule was last changed was decided by what it was then.
    """
    run = latest_run_of(schedule, at)
    if run is None or run <= instants.from_text(schedule["dtLastModified"]):
        return None
    job_id = timed_id(run, org_id, schedule["id"])
    if ports.entities.get(org_id, TYPE, job_id):
        return None
    try:
        ports.entities.commit(org_id, [job_put(scheduled(schedule, run), job_id, BY, run, schedule["id"])])
    except VersionConflictError:
        return None  # another delivery of this tick was quicker
    return job_id

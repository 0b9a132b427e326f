"""Make the job of a schedule whose run is due (metering.md 8.2)."""

from datetime import datetime
from typing import Final

from usance.application.exports.jobs import TYPE, job_put
from usance.application.exports.ports import ExportPorts
from usance.application.exports.spans import scheduled
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import timed_id
from usance.resources import instants
from usance.resources.export_rules import latest_run_of
from usance.resources.wire import Document

BY: Final = "SCHEDULER"


def due_job(ports: ExportPorts, org_id: str, schedule: Document, at: datetime) -> str | None:
    """The id of the job that was made for the schedule's latest run; None when there is none to make.

    A run before the schedule was last changed was decided by what it was then: whoever changes a schedule asks first.
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

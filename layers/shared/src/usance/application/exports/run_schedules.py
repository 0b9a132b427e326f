"""Make the jobs of schedules that are due, for every organization (metering.md 8.2)."""

from datetime import datetime, timedelta
from typing import Final

from usance.application.exports.due_job import due_job
from usance.application.exports.jobs import PENDING, SCHEDULE, TYPE, message
from usance.application.exports.ports import ExportPorts
from usance.application.organizations import organization_ids
from usance.resources import instants

SENT_AGAIN_AFTER: Final = timedelta(minutes=15)  # a message that was sent is received long before


def run_export_schedules(ports: ExportPorts, at: datetime) -> int:
    """How many jobs were given to the worker.

    A run that was missed is made up for, the latest one of a schedule; running again makes none twice. Jobs whose
    message was lost are sent again.
    """
    return sum(_run(ports, org_id, at) for org_id in organization_ids(ports.entities))


def _run(ports: ExportPorts, org_id: str, at: datetime) -> int:
    schedules = ports.entities.list_all(org_id, SCHEDULE, filters={})
    due = [id_ for schedule in schedules if (id_ := due_job(ports, org_id, schedule, at))]
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

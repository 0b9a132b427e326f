"""Integration runs as entities: one per delivery, with what the delivery needs beside what the API shows."""

from datetime import datetime

from usance.application.ports.entities import Put
from usance.application.ports.events import Event
from usance.domain.kernel.ids import timed_id
from usance.domain.notifications.delivery import RunStatus
from usance.resources import instants
from usance.resources.wire import Document

RUN_TYPE = "integrationRun"
BY = "SCHEDULER"  # what the audit fields show where no caller acts


def new_run(configuration: Document, firing: Event, cause: Event, now: datetime) -> Document:
    """The run that delivers `firing` by `configuration`. Its id follows from both, ordered by the time of the cause.

    `delivery` is ours: the event to send, the configuration, the attempts so far, and when the next is due.
    """
    when = instants.to_text(now)
    return {
        "id": timed_id(cause.time, firing.org_id, "run", configuration["id"], firing.id),
        "version": 1,
        "entityType": configuration["entityType"],
        "entityId": configuration["entityId"],
        "destination": configuration["destination"],
        "destinationId": configuration["destinationId"],
        "status": RunStatus.WAITING.value,
        "dtCreated": when,
        "dtLastModified": when,
        "createdBy": BY,
        "lastModifiedBy": BY,
        "delivery": {
            "eventId": firing.id,
            "integrationConfigId": configuration["id"],
            "attempts": [],
            "dueAt": None,
            "settled": False,
        },
    }


def put_run(run: Document, expected_version: int | None = None) -> Put:
    """Store a run; without a version it must be new."""
    return Put(
        type=RUN_TYPE,
        document=run,
        expected_version=expected_version,
        indexed={
            "entity": [f"{run['entityType']}/{run['entityId']}"],
            "destinationId": [run["destinationId"]],
            "integrationConfigId": [run["delivery"]["integrationConfigId"]],
        },
    )


def changed(run: Document, now: datetime, *, delivery: Document, **fields: object) -> Document:
    """The next version of a run, with these fields of its own and of its delivery."""
    return {
        **run,
        **fields,
        "version": run["version"] + 1,
        "dtLastModified": instants.to_text(now),
        "lastModifiedBy": BY,
        "delivery": {**run["delivery"], **delivery},
    }


def shown(run: Document) -> Document:
    """The run as the API shows it."""
    return {name: value for name, value in run.items() if name != "delivery"}


def message(org_id: str, run_id: str) -> Document:
    """What the delivery queue carries."""
    return {"orgId": org_id, "runId": run_id}

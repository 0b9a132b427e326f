"""What a failed delivery leaves behind: an error event, a dead letter and, after many, a disabled integration."""

from typing import Final

from usance.application.notifications.disable_integration import disable_integration
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.runs import changed, is_test, message, put_run
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.application.ports.queue import Queue
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import FAILED, Fault, RunStatus
from usance.resources import instants
from usance.resources.event_names import (
    INTEGRATION_AUTHENTICATION_ERROR,
    INTEGRATION_PERFORM_ERROR,
    INTEGRATION_VALIDATION_ERROR,
)
from usance.resources.wire import Document

INTEGRATION_EVENT: Final = "IntegrationEvent"
_MISCONFIGURED: Final = frozenset(fault.name for fault in (Fault.REFUSED_ADDRESS, Fault.INVALID_REQUEST))


def settle_run(org_id: str, run: Document, stores: Stores, dead_letters: Queue) -> None:
    """Do once what a failed run asks for; nothing for one that succeeded or is settled, nor for a test send.

    A worker that dies in between leaves the run unsettled, and its message comes back: events are found by their
    derived ids, and only the dead letter may be there twice.
    """
    if RunStatus(run["status"]) not in FAILED or run["delivery"]["settled"] or is_test(run):
        return
    publish_event(_failure(org_id, run), stores)
    dead_letters.send([{**message(org_id, run["id"]), "status": run["status"], "error": run["error"]}])
    disable_integration(org_id, run["delivery"]["integrationConfigId"], stores)
    settled = changed(run, stores.clock.now(), delivery={"settled": True})
    stores.entities.commit(org_id, [put_run(settled, run["version"])])


def _failure(org_id: str, run: Document) -> Event:
    name = INTEGRATION_PERFORM_ERROR
    if run["status"] == RunStatus.AUTH_FAILED:
        name = INTEGRATION_AUTHENTICATION_ERROR
    elif run["delivery"]["attempts"][-1]["fault"] in _MISCONFIGURED:
        name = INTEGRATION_VALIDATION_ERROR
    return Event(
        id=derived_id("integration failure", org_id, run["id"]),
        org_id=org_id,
        name=name,
        time=instants.from_text(run["dtCompleted"]),
        detail={
            "message": run["error"],
            "integrationRunId": run["id"],
            "integrationConfigId": run["delivery"]["integrationConfigId"],
            "entityType": run["entityType"],
            "entityId": run["entityId"],
            "destination": run["destination"],
            "destinationId": run["destinationId"],
        },
        type=INTEGRATION_EVENT,
        resource_id=run["id"],
        notification_id=run["entityId"],
    )

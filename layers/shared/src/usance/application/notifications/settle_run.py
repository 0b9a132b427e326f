"""What a failed delivery leaves behind: an error event, a dead letter and, after many, a disabled integration."""

from typing import Final

from usance.application.notifications.disable_integration import disable_integration
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.runs import (
    awaits_settling,
    changed,
    is_to_webhook,
    is_trial,
    message,
    put_run,
    run_of,
)
from usance.application.notifications.stores import Stores
from usance.application.notifications.tell_disabled import Notice, tell_disabled
from usance.application.notifications.trials import settle_trial
from usance.application.ports.events import Event
from usance.application.ports.queue import Queue
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.domain.notifications.delivery import Fault, RunStatus
from usance.resources import instants
from usance.resources.event_names import (
    INTEGRATION_AUTHENTICATION_ERROR,
    INTEGRATION_MISSING_ACCOUNT_MAPPING_ERROR,
    INTEGRATION_PERFORM_ERROR,
    INTEGRATION_VALIDATION_ERROR,
)
from usance.resources.wire import Document

INTEGRATION_EVENT: Final = "IntegrationEvent"
_EVENTS: Final = {  # of a failure for this fault; of any other it is INTEGRATION_PERFORM_ERROR
    Fault.CREDENTIALS_REFUSED.name: INTEGRATION_AUTHENTICATION_ERROR,
    Fault.ACCOUNT_NOT_MAPPED.name: INTEGRATION_MISSING_ACCOUNT_MAPPING_ERROR,
    Fault.PAYLOAD_REFUSED.name: INTEGRATION_VALIDATION_ERROR,
    Fault.REFUSED_ADDRESS.name: INTEGRATION_VALIDATION_ERROR,
    Fault.INVALID_REQUEST.name: INTEGRATION_VALIDATION_ERROR,
}


def settle_run(org_id: str, run: Document, stores: Stores, dead_letters: Queue, notice: Notice) -> None:
    """Do once what a failed run asks for; nothing for one that succeeded or is settled, nor for a test send, but for a trial.

    A worker that dies in between leaves the run unsettled, and its message comes back: events are found by their
    derived ids, and only the dead letter may be there twice.
    """
    if not awaits_settling(run):
        return
    if is_trial(run):
        settle_trial(org_id, run, stores)
        return
    publish_event(_failure(org_id, run), stores)
    dead_letters.send([{**message(org_id, run["id"]), "status": run["status"], "error": run["error"]}])
    disabled = disable_integration(org_id, run["delivery"]["integrationConfigId"], stores)
    if disabled is not None:
        tell_disabled(org_id, disabled, run["error"], notice)
    _mark(org_id, run, stores)


def _mark(org_id: str, run: Document, stores: Stores) -> None:
    """Say that it is settled; a replay that is asked for meanwhile changes the run, too."""
    while not run["delivery"]["settled"]:
        settled = changed(run, stores.clock.now(), delivery={"settled": True})
        try:
            stores.entities.commit(org_id, [put_run(settled, run["version"])])
        except VersionConflictError:
            run = run_of(org_id, run["id"], stores.entities)
        else:
            return


def _failure(org_id: str, run: Document) -> Event:
    name = _EVENTS.get(run["delivery"]["attempts"][-1]["fault"], INTEGRATION_PERFORM_ERROR)
    if run["status"] == RunStatus.AUTH_FAILED:
        name = INTEGRATION_AUTHENTICATION_ERROR
    account_id = run["delivery"].get("accountId")
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
            **({"accountId": account_id} if account_id else {}),
        },
        type=INTEGRATION_EVENT,
        resource_id=run["id"],
        account_id=account_id,
        notification_id=run["entityId"] if is_to_webhook(run) else None,
    )

"""`POST /integrationruns/{id}/replay` (ours; the API of m3ter names the operation and not its path, platform.md 10.2)."""

from usance.application.access.authorize import require
from usance.application.notifications.read_runs import RESOURCE
from usance.application.notifications.repeat_run import Way, repeat_run, usable_configuration, way_to_webhook
from usance.application.notifications.runs import is_test, is_to_webhook, line_of, run_of, shown
from usance.application.notifications.stores import Stores
from usance.domain.access import Action, Caller
from usance.domain.integrations.system import BILL
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import FINAL, RunStatus
from usance.resources.wire import Document


def replay_run(caller: Caller, run_id: str, stores: Stores) -> Document:
    """The run that delivers again what this one was to deliver, whether it failed or not.

    `InvalidInputError` while it is not over, when its event has expired, and when its destination is switched off.
    """
    require(caller, Action.CONFIG_UPDATE, RESOURCE, run_id)
    run = run_of(caller.org_id, run_id, stores.entities)
    if is_test(run):
        raise InvalidInputError("a test send is not replayed; make another one")
    if RunStatus(run["status"]) not in FINAL:
        raise InvalidInputError(f"the run is {run['status']} and will be sent without a replay")
    way = _way(caller.org_id, run, stores)
    return shown(repeat_run(caller.org_id, run, way, caller.audit_name, stores))


def _way(org_id: str, run: Document, stores: Stores) -> Way:
    """The way to the destination as it is now. `InvalidInputError` when it takes nothing, or there is nothing to send.

    A bill is sent as it stands, whatever has become of its event, and so is what was sent without one.
    """
    configuration_id = run["delivery"]["integrationConfigId"]
    if is_to_webhook(run):
        way = way_to_webhook(org_id, configuration_id, stores)
    else:
        way = Way(usable_configuration(org_id, configuration_id, stores), line_of(run))
    event_id = run["delivery"].get("eventId")
    if event_id and run["entityType"] != BILL and stores.events.get(org_id, event_id) is None:
        raise InvalidInputError("the event of this run has expired; events are kept for 28 days")
    return way

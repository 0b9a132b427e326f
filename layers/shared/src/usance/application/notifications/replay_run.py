"""`POST /integrationruns/{id}/replay` (ours; the API of m3ter names the operation and not its path, platform.md 10.2)."""

from usance.application.access.authorize import require
from usance.application.notifications.firings import firing_of
from usance.application.notifications.read_runs import RESOURCE
from usance.application.notifications.repeat_run import repeat_run, usable_webhook
from usance.application.notifications.runs import is_test, run_of, shown
from usance.application.notifications.stores import Stores
from usance.domain.access import Action, Caller
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
    webhook = usable_webhook(caller.org_id, run["delivery"]["integrationConfigId"], stores)
    if firing_of(caller.org_id, run, stores.events) is None:
        raise InvalidInputError("the event of this run has expired; events are kept for 28 days")
    return shown(repeat_run(caller.org_id, run, webhook, caller.audit_name, stores))

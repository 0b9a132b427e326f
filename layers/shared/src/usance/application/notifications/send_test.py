"""`POST /integrationdestinations/webhooks/{id}/test` (ours): a delivery that no event asked for."""

from usance.application.access.authorize import require
from usance.application.notifications.configurations import WEBHOOK_TYPE, webhook_of
from usance.application.notifications.lines import joins
from usance.application.notifications.runs import enqueue, links_of_test, shown, waiting_run
from usance.application.notifications.stores import Stores
from usance.domain.access import Action, Caller
from usance.domain.kernel.ids import timed_id
from usance.resources.wire import Document


def send_test(caller: Caller, webhook_id: str, stores: Stores) -> Document:
    """The run of a test send, which is made once, also to a webhook that is not active; its failure has no consequences."""
    require(caller, Action.CONFIG_UPDATE, WEBHOOK_TYPE, webhook_id)
    webhook_of(caller.org_id, webhook_id, stores.entities)
    now = stores.clock.now()
    id_ = timed_id(now, caller.org_id, "test", webhook_id)
    run = waiting_run(id_, links_of_test(webhook_id), now, caller.audit_name, test=True)
    stores.entities.commit(caller.org_id, joins(run))
    enqueue(caller.org_id, run, stores)
    return shown(run)

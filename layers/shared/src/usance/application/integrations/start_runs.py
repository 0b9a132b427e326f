"""A change of an entity starts a run for every enabled configuration that lets it through (platform.md 10.1)."""

from usance.application.notifications.configurations import CONFIGURATION_TYPE
from usance.application.notifications.lines import joins
from usance.application.notifications.runs import RUN_TYPE, enqueue, new_run
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.domain.integrations.invoice import life_of
from usance.domain.integrations.selection import lets_through
from usance.domain.integrations.system import BILL
from usance.domain.integrations.systems import system_of
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.notifications.changes import Change, holders
from usance.domain.notifications.delivery import FINAL, RunStatus
from usance.resources.wire import Document


def start_runs(change: Change, event: Event, stores: Stores) -> None:
    """Queue what is to be brought to external systems. Repeating finds the runs by their derived ids."""
    filters = {"entityType": [change.type.lower()]}
    for configuration in stores.entities.list_all(change.org_id, CONFIGURATION_TYPE, filters=filters):
        entity = entity_of(configuration, change.type)
        if (
            entity
            and configuration.get("enabled", True)
            and configuration.get("entityId") in {None, change.id}
            and lets_through(configuration.get("configData") or {}, change, event.account_id)
        ):
            _start(configuration, entity, change, event, stores)


def entity_of(configuration: Document, type_: str) -> str | None:
    """What the configuration's system calls entities of a type; None when there is no connector that takes them."""
    system = system_of(configuration["destination"])
    return next((name for name in system.entities if name.lower() == type_.lower()), None) if system else None


def line_for(configuration: Document, entity_id: str) -> str:
    """Runs of one entity by one configuration come one after another."""
    return f"{configuration['id']}/{entity_id}"


def kept_of(type_: str, document: Document, account_id: str | None) -> Document:
    """What a run keeps of the entity: its type, its account, what it lies in, and which of the lives of a bill this was."""
    kept = {"type": type_, "accountId": account_id, "holders": [list(one) for one in holders(type_, document)]}
    return {**kept, **({"life": life_of(document)} if type_ == BILL.lower() else {})}


def _start(configuration: Document, entity: str, change: Change, event: Event, stores: Stores) -> None:
    run = new_run(
        configuration,
        (entity, change.id),
        event,
        stores.clock.now(),
        line=line_for(configuration, change.id),
        **kept_of(change.type, dict(change.entity), event.account_id),
    )
    try:
        stores.entities.commit(change.org_id, joins(run))
    except VersionConflictError:
        made = stores.entities.get(change.org_id, RUN_TYPE, run["id"])
        if made is None or RunStatus(made["status"]) in FINAL:
            return
    enqueue(change.org_id, run, stores)

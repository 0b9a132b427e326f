"""A webhook whose integration was disabled by itself is tried by test sends, and the first that arrives enables it.

A trial is a run of its own, due later each time; when it is over it makes the next. It belongs to one version of the
configuration: whoever changes, enables or disables that has it in hand from then on.
"""

from usance.application.notifications.configurations import CONFIGURATION_TYPE, put_configuration
from usance.application.notifications.lines import joins
from usance.application.notifications.outcomes import hold_run
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.runs import (
    BY,
    RUN_TYPE,
    changed,
    due_at,
    is_to_webhook,
    links_of_test,
    put_run,
    waiting_run,
)
from usance.application.notifications.stores import Stores
from usance.application.notifications.switch_event import switch_event
from usance.application.ports.entities import EntityRepository
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import timed_id
from usance.domain.notifications.delivery import FINAL, RunStatus
from usance.domain.notifications.trials import TRIED_FOR, wait_before
from usance.resources import instants
from usance.resources.event_names import INTEGRATION_ENABLED
from usance.resources.wire import Document


def begin_trials(org_id: str, configuration: Document, stores: Stores) -> None:
    """Queue the first trial of a configuration that was just disabled by itself, if a webhook is its destination.

    Repeating finds it by its derived id.
    """
    if is_to_webhook(configuration) and configuration.get("destinationId"):
        _open(org_id, configuration, 1, stores)


def awaits_trial(org_id: str, run: Document, entities: EntityRepository) -> bool:
    """Whether the configuration of a trial is still as it was when it was disabled by itself."""
    configuration = entities.get(org_id, CONFIGURATION_TYPE, run["delivery"]["trialOf"])
    return configuration is not None and _is_as_disabled(configuration, run)


def settle_trial(org_id: str, run: Document, stores: Stores) -> None:
    """Do once what a trial that is over asks for: enable the configuration, or try again later.

    A worker that dies in between leaves it unsettled, and its message comes back.
    """
    configuration = stores.entities.get(org_id, CONFIGURATION_TYPE, run["delivery"]["trialOf"])
    if configuration is not None:
        if run["status"] == RunStatus.COMPLETE:
            _enable(org_id, configuration, run, stores)
        elif _is_as_disabled(configuration, run):
            _open(org_id, configuration, run["delivery"]["trial"] + 1, stores)
    settled = changed(run, stores.clock.now(), delivery={"settled": True})
    stores.entities.commit(org_id, [put_run(settled, run["version"])])


def _is_as_disabled(configuration: Document, run: Document) -> bool:
    return configuration["version"] == run["delivery"]["trialVersion"] and not configuration.get("enabled", True)


def _enable(org_id: str, configuration: Document, run: Document, stores: Stores) -> None:
    """Enable it and publish that, unless somebody has changed it since it was disabled."""
    enabled = configuration  # perhaps by us, who were cut off before the event
    if _is_as_disabled(configuration, run):
        enabled = {
            **configuration,
            "enabled": True,
            "version": configuration["version"] + 1,
            "dtLastModified": instants.to_text(stores.clock.now()),
            "lastModifiedBy": BY,
        }
        try:
            stores.entities.commit(org_id, [put_configuration(enabled, configuration["version"])])
        except VersionConflictError:
            return
    if enabled["version"] == run["delivery"]["trialVersion"] + 1 and enabled["lastModifiedBy"] == BY:
        message = "enabled again, since a test send arrived; deliver again what fired meanwhile"
        publish_event(switch_event(org_id, enabled, INTEGRATION_ENABLED, message, "integration enabled"), stores)


def _open(org_id: str, configuration: Document, number: int, stores: Stores) -> None:
    """Queue trial `number`, made now or before; none once the integration has been disabled for too long."""
    now, disabled_at = stores.clock.now(), instants.from_text(configuration["dtLastModified"])
    if now - disabled_at > TRIED_FOR:
        return
    due = now + wait_before(number)
    run = waiting_run(
        timed_id(disabled_at, org_id, "trial", configuration["id"], str(configuration["version"]), str(number)),
        links_of_test(configuration["destinationId"]),
        now,
        test=True,
        trialOf=configuration["id"],
        trialVersion=configuration["version"],
        trial=number,
    )
    run["delivery"]["dueAt"] = instants.to_text(due)
    try:
        stores.entities.commit(org_id, joins(run))
    except VersionConflictError:
        made = stores.entities.get(org_id, RUN_TYPE, run["id"])
        if made is None or RunStatus(made["status"]) in FINAL:
            return
        run = made
    hold_run(org_id, run, (due_at(run) or now) - now, stores)

"""An integration whose deliveries keep failing is disabled; to a webhook, until a trial of it or someone enables it again (platform.md 9.2, 10.4)."""

from typing import Final

from usance.application.notifications.configurations import CONFIGURATION_TYPE, put_configuration
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.runs import BY, RUN_TYPE
from usance.application.notifications.stores import Stores
from usance.application.notifications.switch_event import switch_event
from usance.application.notifications.trials import begin_trials
from usance.domain.kernel.errors import UnavailableError, VersionConflictError
from usance.domain.notifications.delivery import FAILURES_IN_A_ROW_MAX, RunStatus, concerns_destination, fails_in_a_row
from usance.resources import instants
from usance.resources.event_names import INTEGRATION_DISABLED_ERROR
from usance.resources.wire import Document

RUNS_LOOKED_AT: Final = 100  # one page; runs still waiting among them do not count
COMMIT_ATTEMPTS_MAX: Final = 3  # someone may be editing the configuration


def disable_integration(org_id: str, configuration_id: str, stores: Stores) -> Document | None:
    """Disable the configuration if its newest runs since it was last changed all failed, and publish that.

    Answers it when this call has disabled it.

    Changing or enabling it again starts the count anew. `UnavailableError` when others keep changing it.
    """
    for _ in range(COMMIT_ATTEMPTS_MAX):
        configuration = stores.entities.get(org_id, CONFIGURATION_TYPE, configuration_id)
        if configuration is None:
            return None
        if not configuration.get("enabled", True):
            if configuration.get("lastModifiedBy") == BY:  # by us, perhaps cut off before the rest
                _told(org_id, configuration, stores)
            return None
        if not fails_in_a_row(_statuses(org_id, configuration, stores)):
            return None
        now = instants.to_text(stores.clock.now())
        disabled = {
            **configuration,
            "enabled": False,
            "version": configuration["version"] + 1,
            "dtLastModified": now,
            "lastModifiedBy": BY,
        }
        try:
            stores.entities.commit(org_id, [put_configuration(disabled, configuration["version"])])
        except VersionConflictError:
            continue
        _told(org_id, disabled, stores)
        return disabled
    raise UnavailableError(f"the integrationConfiguration {configuration_id} keeps changing; repeat")


def _statuses(org_id: str, configuration: Document, stores: Stores) -> list[RunStatus]:
    """Of the runs since the configuration last changed, newest first, but for those that tell of one entity alone."""
    filters = {"integrationConfigId": [configuration["id"]]}
    page = stores.entities.list_page(org_id, RUN_TYPE, filters=filters, page_size=RUNS_LOOKED_AT)
    return [
        RunStatus(run["status"])
        for run in page.data
        if run["dtCreated"] >= configuration["dtLastModified"] and _tells(run["delivery"]["attempts"])
    ]


def _tells(attempts: list[Document]) -> bool:
    return not attempts or concerns_destination(attempts[-1]["fault"])


def _told(org_id: str, configuration: Document, stores: Stores) -> None:
    message = f"disabled after {FAILURES_IN_A_ROW_MAX} failed deliveries in a row"
    event = switch_event(org_id, configuration, INTEGRATION_DISABLED_ERROR, message, "integration disabled")
    publish_event(event, stores)
    begin_trials(org_id, configuration, stores)

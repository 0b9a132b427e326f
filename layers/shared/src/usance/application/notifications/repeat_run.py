"""A run that is over is delivered again, as a run of its own; the receiver knows both by one delivery id."""

from dataclasses import dataclass
from typing import Final

from usance.application.notifications.configurations import WEBHOOK_TYPE, enabled_configuration, line_to, links_rule
from usance.application.notifications.lines import joins
from usance.application.notifications.runs import (
    RUN_TYPE,
    changed,
    delivery_id,
    enqueue,
    links_of,
    place_of,
    put_run,
    run_of,
    waiting_run,
)
from usance.application.notifications.stores import Stores
from usance.domain.kernel.errors import InvalidInputError, UnavailableError, VersionConflictError
from usance.domain.kernel.ids import at_time_of, timed_id
from usance.domain.notifications.delivery import FINAL, RunStatus
from usance.resources.wire import Document

TRIES: Final = 5  # a run that is over changes when it is settled, and when it is repeated
_OF_THE_RUN: Final = frozenset(
    {"attempts", "dueAt", "settled", "repeatId", "cutOff", "place"}
)  # of its delivery, and not of what it delivers


@dataclass(frozen=True, slots=True)
class Way:
    """The configuration by which a run is delivered again, as it is now, and the line of its destination."""

    configuration: Document
    line: str | None


def repeat_run(org_id: str, run: Document, way: Way, by: str, stores: Stores) -> Document:
    """The run that delivers again, to where its configuration sends now, what `run`, which is over, was to deliver.

    While one made earlier is not over, that is the one, also when another request makes it right now.
    """
    for _ in range(TRIES):
        made = last_repeat(org_id, run, stores)
        if made is not None and RunStatus(made["status"]) not in FINAL:
            enqueue(org_id, made, stores)  # who made it may have been cut off before that
            return made
        try:
            return _repeat(org_id, run, way, by, stores)
        except VersionConflictError:
            run = run_of(org_id, run["id"], stores.entities)
    raise UnavailableError(f"the integrationRun {run['id']} keeps changing; repeat")


def _repeat(org_id: str, run: Document, way: Way, by: str, stores: Stores) -> Document:
    """A new run that delivers again. `VersionConflictError` when `run` is not as it was read."""
    now = stores.clock.now()
    links = links_of(way.configuration, (run["entityType"], run["entityId"]))
    kept = {name: value for name, value in run["delivery"].items() if name not in _OF_THE_RUN}
    id_ = timed_id(now, org_id, "repeat", run["id"], str(run["version"]))
    repeat = waiting_run(
        id_,
        {**links, "replayedFromIntegrationRunId": run["id"]},
        now,
        by,
        **{**kept, "deliveryId": delivery_id(run), "line": way.line, "place": at_time_of(place_of(run), id_)},
    )
    repeated = changed(run, now, delivery={"repeatId": repeat["id"]})
    stores.entities.commit(org_id, [*joins(repeat), put_run(repeated, run["version"])])
    enqueue(org_id, repeat, stores)
    return repeat


def last_repeat(org_id: str, run: Document, stores: Stores) -> Document | None:
    """The newest run that was made to repeat this one."""
    made = run["delivery"].get("repeatId")
    return stores.entities.get(org_id, RUN_TYPE, made) if made else None


def usable_configuration(org_id: str, configuration_id: str, stores: Stores) -> Document:
    """A configuration that is enabled. `InvalidInputError` when it is not."""
    configuration = enabled_configuration(org_id, configuration_id, stores.entities)
    if configuration is None:
        raise InvalidInputError(
            f"the integration configuration {configuration_id} is disabled or deleted; enable it first"
        )
    return configuration


def way_to_webhook(org_id: str, configuration_id: str, stores: Stores) -> Way:
    """The way by a link of a rule. `InvalidInputError` when nothing can be delivered by it as it is now."""
    configuration = usable_configuration(org_id, configuration_id, stores)
    if not links_rule(configuration):
        raise InvalidInputError(f"the integration configuration {configuration_id} links no rule to a webhook any more")
    webhook = stores.entities.get(org_id, WEBHOOK_TYPE, configuration["destinationId"])
    if webhook is None or not webhook.get("active", True):
        raise InvalidInputError(f"the webhook {configuration['destinationId']} is not active; activate it first")
    return Way(configuration, line_to(webhook))

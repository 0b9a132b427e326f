"""A rule fires: it becomes an event of its own and one delivery per linked webhook (platform.md 7.4)."""

from typing import Final

from usance.application.notifications.configurations import line_to, linked_webhooks
from usance.application.notifications.lines import joins
from usance.application.notifications.runs import RULE, RUN_TYPE, message, new_run
from usance.application.notifications.stores import Stores
from usance.application.ports.events import Event
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.notifications.delivery import FINAL, RunStatus, firing_id
from usance.resources import instants
from usance.resources.wire import Document

NOTIFICATION: Final = "Notification"  # the category of events that rules make


def fire_rule(rule: Document, cause: Event, stores: Stores) -> None:
    """Record that `rule` fired on `cause` and queue its deliveries.

    Repeating finds the event and the runs by their derived ids; a message may be queued twice, which its run tells.
    """
    firing = _firing(rule, cause)
    stores.events.append(firing)
    messages = [
        message(cause.org_id, run["id"])
        for configuration, webhook in linked_webhooks(cause.org_id, rule["id"], stores.entities)
        if (run := open_run(configuration, line_to(webhook), firing, stores)) is not None
    ]
    if messages:
        stores.deliveries.send(messages)


def _firing(rule: Document, cause: Event) -> Event:
    detail = {
        **cause.detail,
        "eventId": cause.id,
        "eventName": cause.name,
        "eventTime": instants.to_text(cause.time),
        "notification": {name: rule.get(name) for name in ("id", "code", "name", "description")},
    }
    return Event(
        id=firing_id(cause.org_id, rule["id"], cause.id),
        org_id=cause.org_id,
        name=cause.name,
        time=cause.time,
        detail=detail,
        type=NOTIFICATION,
        resource_id=cause.resource_id,
        account_id=cause.account_id,
        notification_id=rule["id"],
        notification_code=rule.get("code"),
    )


def run_of_firing(configuration: Document, line: str | None, firing: Event, stores: Stores) -> Document:
    """The run that delivers a firing, as it is when it is new."""
    return new_run(configuration, (RULE, configuration["entityId"]), firing, stores.clock.now(), line=line)


def open_run(configuration: Document, line: str | None, firing: Event, stores: Stores) -> Document | None:
    """The run of this delivery, made now or before; None when it is over."""
    run = run_of_firing(configuration, line, firing, stores)
    try:
        stores.entities.commit(firing.org_id, joins(run))
    except VersionConflictError:
        made = stores.entities.get(firing.org_id, RUN_TYPE, run["id"])
        return made if made and RunStatus(made["status"]) not in FINAL else None
    return run

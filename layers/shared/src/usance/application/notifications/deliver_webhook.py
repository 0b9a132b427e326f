"""One attempt to deliver a notification (platform.md 9.2): claim the run, send, record how it ended.

The queue may bring a message twice, late, or to two workers at once. The run's version lets one of them make an
attempt; its status and due time tell the others what is left to do. A worker that dies while it sends leaves a claim
that ends by itself, and the same attempt is made again with the same delivery id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from usance.application.notifications.configurations import CONFIGURATION_TYPE, WEBHOOK_TYPE, credentials_of
from usance.application.notifications.runs import RUN_TYPE, changed, message, put_run
from usance.application.notifications.settle_run import settle_run
from usance.application.notifications.stores import Stores
from usance.application.notifications.webhook_request import WebhookRequest, webhook_request
from usance.application.ports.events import Event
from usance.application.ports.queue import Queue
from usance.application.ports.secrets import Secrets
from usance.application.ports.webhooks import WebhookSender
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.notifications.delivery import FINAL, LEASE, Next, Outcome, RunStatus, after_attempt
from usance.resources import instants
from usance.resources.wire import Document

DELAY_MAX_SECONDS: Final = 900  # SQS; a longer wait is several


@dataclass(frozen=True, slots=True)
class Deliverer:
    """What delivering needs. `dead_letters` takes what could not be delivered; `header_prefix` begins header names."""

    stores: Stores
    sender: WebhookSender
    secrets: Secrets
    dead_letters: Queue
    header_prefix: str = "X-M3ter-"


def deliver_webhook(org_id: str, run_id: str, deliverer: Deliverer) -> str | None:
    """Bring the run forward as far as can be now, and answer its status (None: it is not there, or another's now).

    On return the message is dealt with; after an error it must come again.
    """
    stores = deliverer.stores
    run = stores.entities.get(org_id, RUN_TYPE, run_id)
    if run is None:
        return None
    now = stores.clock.now()
    due = run["delivery"]["dueAt"]
    try:
        if RunStatus(run["status"]) in FINAL:
            settle_run(org_id, run, stores, deliverer.dead_letters)
        elif due and now < instants.from_text(due):
            _hold(org_id, run_id, instants.from_text(due) - now, stores)
        else:
            return _attempt(org_id, run, now, deliverer)
    except VersionConflictError:
        return None  # another worker has this run, and a message of its own to finish it
    return str(run["status"])


def _attempt(org_id: str, run: Document, now: datetime, deliverer: Deliverer) -> str:
    stores = deliverer.stores
    firing = stores.events.get(org_id, run["delivery"]["eventId"])
    configuration = stores.entities.get(org_id, CONFIGURATION_TYPE, run["delivery"]["integrationConfigId"])
    webhook = stores.entities.get(org_id, WEBHOOK_TYPE, run["destinationId"])
    reason = _unusable(configuration, webhook, firing)
    if reason or webhook is None or firing is None:
        over = _finished(run, now, Next(RunStatus.DISABLED), reason)
        stores.entities.commit(org_id, [put_run(over, run["version"])])
        return RunStatus.DISABLED
    claimed = changed(
        run,
        now,
        status=RunStatus.STARTED.value,
        dtStarted=run.get("dtStarted") or instants.to_text(now),
        delivery={"dueAt": instants.to_text(now + LEASE)},
    )
    stores.entities.commit(org_id, [put_run(claimed, run["version"])])
    request = _request(org_id, claimed, webhook, firing, now, deliverer)
    outcome = deliverer.sender.send(request.url, request.body, request.headers)
    return _record(org_id, claimed, outcome, deliverer)


def _unusable(configuration: Document | None, webhook: Document | None, firing: Event | None) -> str:
    if configuration is None or not configuration.get("enabled", True):
        return "the integration was disabled or deleted"
    if webhook is None or not webhook.get("active", True):
        return "the webhook was deactivated or deleted"
    return "" if firing else "the event has expired"


def _request(
    org_id: str, run: Document, webhook: Document, firing: Event, now: datetime, deliverer: Deliverer
) -> WebhookRequest:
    credentials = credentials_of(org_id, webhook["id"], deliverer.stores.entities, deliverer.secrets)
    return webhook_request(run["id"], webhook["url"], credentials, firing, now, deliverer.header_prefix)


def _record(org_id: str, run: Document, outcome: Outcome, deliverer: Deliverer) -> str:
    stores = deliverer.stores
    now = stores.clock.now()
    error = None if outcome.succeeded else outcome.error
    attempt = {
        "at": instants.to_text(now),
        "status": outcome.status,
        "fault": outcome.fault.name if outcome.fault else None,
        "error": error,
    }
    attempts = [*run["delivery"]["attempts"], attempt]
    then = after_attempt(len(attempts), outcome, now)
    tried = {**run, "delivery": {**run["delivery"], "attempts": attempts}}
    recorded = _finished(tried, now, then, error)
    stores.entities.commit(org_id, [put_run(recorded, run["version"])])
    if then.retry_at:
        _hold(org_id, run["id"], then.retry_at - now, stores)
    else:
        settle_run(org_id, recorded, stores, deliverer.dead_letters)
    return then.status


def _finished(run: Document, now: datetime, then: Next, error: str | None) -> Document:
    completed = None if then.retry_at else instants.to_text(now)
    due = instants.to_text(then.retry_at) if then.retry_at else None
    return changed(run, now, status=then.status.value, error=error, dtCompleted=completed, delivery={"dueAt": due})


def _hold(org_id: str, run_id: str, wait: timedelta, stores: Stores) -> None:
    """Queue the run again for when it is due, or for as long as the queue can hold it."""
    seconds = min(ceil(wait / timedelta(seconds=1)), DELAY_MAX_SECONDS)
    stores.deliveries.send([message(org_id, run_id)], delay_seconds=max(seconds, 0))

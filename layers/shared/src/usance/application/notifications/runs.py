"""Integration runs as entities: one per delivery, with what the delivery needs beside what the API shows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from usance.application.notifications.stores import Stores
from usance.application.ports.entities import EntityRepository, Put
from usance.application.ports.events import Event
from usance.domain.integrations.systems import SYSTEMS
from usance.domain.kernel.errors import NotFoundError
from usance.domain.kernel.ids import timed_id
from usance.domain.notifications.delivery import FAILED, RunStatus
from usance.resources import instants
from usance.resources.wire import Document

RUN_TYPE = "integrationRun"
BY = "SCHEDULER"  # what the audit fields show where no caller acts
WEBHOOK: Final = "webhook"
RULE: Final = "Notification"  # what runs call the entity of a rule, whatever its configurations call it
_TRIED: Final = "Webhook"  # the entity of a test send
_ENTITIES: Final[Mapping[str, str]] = {
    name.casefold(): name for name in (RULE, _TRIED, *(entity for system in SYSTEMS for entity in system.entities))
}


def new_run(
    configuration: Document, entity: tuple[str, str], event: Event, now: datetime, *, line: str | None, **more: Any
) -> Document:
    """The run that `event` makes by `configuration` for an entity (its type and id). Its id follows from both.

    Runs are ordered by the time of the cause. `delivery` is ours: the event, the id that the receiver sees, the
    configuration, the attempts so far, when the next is due, and the line it stands in, if it waits for others.
    """
    id_ = timed_id(event.time, event.org_id, "run", configuration["id"], event.id)
    kept = {"eventId": event.id, "deliveryId": id_, "integrationConfigId": configuration["id"], "line": line, **more}
    return waiting_run(id_, links_of(configuration, entity), now, **kept)


def links_of(configuration: Document, entity: tuple[str, str]) -> Document:
    """What a run says of its configuration, which is its own destination where it names no other."""
    return {
        "entityType": entity[0],
        "entityId": entity[1],
        "destination": configuration["destination"],
        "destinationId": configuration.get("destinationId") or configuration["id"],
    }


def waiting_run(id_: str, links: Document, now: datetime, by: str = BY, **delivery: Any) -> Document:
    """A run, made by whom the audit fields are to show, that no attempt has been made of."""
    when = instants.to_text(now)
    return {
        "id": id_,
        "version": 1,
        **links,
        "status": RunStatus.WAITING.value,
        "dtCreated": when,
        "dtLastModified": when,
        "createdBy": by,
        "lastModifiedBy": by,
        "delivery": {"attempts": [], "dueAt": None, "settled": False, **delivery},
    }


def put_run(run: Document, expected_version: int | None = None) -> Put:
    """Store a run; without a version it must be new."""
    configuration_id = run["delivery"].get("integrationConfigId")  # a test send has none
    return Put(
        type=RUN_TYPE,
        document=run,
        expected_version=expected_version,
        indexed={
            "entity": [key_of_entity(run["entityType"], run["entityId"])],
            "destinationId": [run["destinationId"]],
            "integrationConfigId": [configuration_id] if configuration_id else [],
        },
    )


def key_of_entity(entity_type: str, entity_id: str) -> str:
    """The value by which the runs of an entity are found; its type may be written in any case."""
    return f"{_ENTITIES.get(entity_type.casefold(), entity_type)}/{entity_id}"


def changed(run: Document, now: datetime, *, delivery: Document, **fields: object) -> Document:
    """The next version of a run, with these fields of its own and of its delivery."""
    return {
        **run,
        **fields,
        "version": run["version"] + 1,
        "dtLastModified": instants.to_text(now),
        "lastModifiedBy": BY,
        "delivery": {**run["delivery"], **delivery},
    }


def run_of(org_id: str, run_id: str, entities: EntityRepository) -> Document:
    """A run by its id. `NotFoundError` when there is none."""
    run = entities.get(org_id, RUN_TYPE, run_id)
    if run is None:
        raise NotFoundError(f"there is no integrationRun {run_id}")
    return run


def shown(run: Document) -> Document:
    """The run as the API shows it."""
    return {name: value for name, value in run.items() if name != "delivery"}


def delivery_id(run: Document) -> str:
    """What the receiver knows the delivery by: the run's id or, of a replay, that of the run it repeats."""
    return str(run["delivery"].get("deliveryId", run["id"]))


def line_of(run: Document) -> str | None:
    """The line in which this delivery waits for older ones; None when it waits for none."""
    line = run["delivery"].get("line")
    return str(line) if line else None


def place_of(run: Document) -> str:
    """The id by which the run stands in its line; of a repeat another than its own, which tells when it was asked for."""
    return str(run["delivery"].get("place", run["id"]))


def is_to_webhook(run: Document) -> bool:
    """Whether a run, or an integration configuration, has a webhook for its destination; clients spell it in either case."""
    return str(run.get("destination", "")).lower() == WEBHOOK


def is_test(run: Document) -> bool:
    """Whether somebody only tries the destination."""
    return bool(run["delivery"].get("test"))


def is_trial(run: Document) -> bool:
    """Whether a test send is to show that an integration, which was disabled by itself, works again."""
    return "trialOf" in run["delivery"]


def links_of_test(webhook_id: str) -> Document:
    """What a test send to a webhook says of itself."""
    return {"entityType": _TRIED, "entityId": webhook_id, "destination": "Webhook", "destinationId": webhook_id}


def awaits_settling(run: Document) -> bool:
    """Whether something is left to do for a run that is over: to tell of a failure, or to do what a trial asks for."""
    asks = is_trial(run) or (RunStatus(run["status"]) in FAILED and not is_test(run))
    return asks and not run["delivery"]["settled"]


def may_have_left_something(run: Document) -> bool:
    """Whether an attempt of a run that is over failed or was cut off, so that nobody knows what it did."""
    delivery = run["delivery"]
    failed = run["status"] != RunStatus.COMPLETE or any(attempt["fault"] for attempt in delivery["attempts"])
    return bool(run.get("dtStarted")) and (failed or cut_offs(run) > 0)


def cut_offs(run: Document) -> int:
    """How many attempts were cut off, and left no outcome."""
    return int(run["delivery"].get("cutOff", 0))


def due_at(run: Document) -> datetime | None:
    """When the next attempt is due or, of a run that is `STARTED`, when the claim of its worker ends."""
    due = run["delivery"]["dueAt"]
    return instants.from_text(due) if due else None


def message(org_id: str, run_id: str, times_held: int = 0) -> Document:
    """What the delivery queue carries. `timesHeld`: how often in a row the destination had no room."""
    return {"orgId": org_id, "runId": run_id, **({"timesHeld": times_held} if times_held else {})}


def enqueue(org_id: str, run: Document, stores: Stores, *, delay_seconds: int = 0, times_held: int = 0) -> None:
    """Put a run on the queue of its kind of destination."""
    queue = stores.deliveries if is_to_webhook(run) else stores.integrations
    queue.send([message(org_id, run["id"], times_held)], delay_seconds=delay_seconds)

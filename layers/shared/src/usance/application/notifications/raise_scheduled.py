"""Raise the scheduled events of every organization (platform.md 8).

Once a day, when the organization's day has begun, all entities of a configuration's kind are looked at: nothing is stored
beside an entity for events that few organizations configure. How far a sweep has come is kept, so that one that is cut off
goes on, and days that were missed are made up for. An event's id follows from the configuration, the entity and the date
in it: however often a sweep is repeated each is raised once, and again when the date changes.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from usance.application.audit import created, updated
from usance.application.notifications.concerned import account_of
from usance.application.notifications.publish_event import publish_event
from usance.application.notifications.stores import Stores
from usance.application.organizations import organization_ids
from usance.application.ports.bills import BillQuery, BillRepository
from usance.application.ports.entities import Page, Put
from usance.application.ports.events import Event
from usance.domain.kernel.errors import VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.domain.kernel.timezones import local_day, time_zone
from usance.domain.notifications.changes import representation
from usance.domain.notifications.scheduled import Sweep
from usance.resources import instants
from usance.resources.event_names import type_of_entity
from usance.resources.scheduled_event_configuration import SCHEDULED_EVENT_CONFIGURATION, SWEEP
from usance.resources.wire import Document

PAGE: Final = 200
BY: Final = "SCHEDULER"

TimeIsUp = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Raising:
    """What it works on."""

    stores: Stores
    bills: BillRepository


def raise_scheduled_events(desk: Raising, at: datetime, time_is_up: TimeIsUp) -> int:
    """How many events were raised; those raised before and looked at again count as well."""
    entities = desk.stores.entities
    raised = 0
    for org_id in organization_ids(entities):
        zone: tzinfo | None = None  # read where there is something to raise
        for configuration in entities.list_all(org_id, SCHEDULED_EVENT_CONFIGURATION.type, filters={}):
            if time_is_up():
                return raised
            zone = zone or time_zone((entities.get(org_id, "organizationConfig", org_id) or {})["timezone"])
            raised += _sweep(desk, org_id, configuration, zone, at, time_is_up)
    return raised


def _sweep(
    desk: Raising, org_id: str, configuration: Document, zone: tzinfo, at: datetime, time_is_up: TimeIsUp
) -> int:
    """Go on with the sweep of the day, or begin it; nothing when it is done."""
    entities = desk.stores.entities
    state = entities.get(org_id, SWEEP, configuration["id"])
    made = instants.from_text(configuration["dtCreated"])
    today = local_day(at, zone)
    done = date.fromisoformat(state["done"]) if state else local_day(made, zone)
    if done >= today:
        return 0
    since = instants.from_text(state["since"]) if state else made
    begun = state["begun"] if state and state.get("today") == today.isoformat() else None
    sweep = Sweep.following(today, done, local_day(made, zone), since, zone)
    raised = 0
    token = state["token"] if state and begun else None
    begun = begun or instants.to_text(at)
    while True:
        page = _page(desk, org_id, configuration, token)
        for event in _due(desk, org_id, configuration, sweep, page, at):
            publish_event(event, desk.stores)
            raised += 1
        token = page.next_token
        if token is None or time_is_up():
            break
    running = {"today": today.isoformat(), "begun": begun, "token": token}
    ended = {"done": today.isoformat(), "since": begun}
    kept = {"done": done.isoformat(), "since": instants.to_text(since), **running} if token else ended
    with suppress(VersionConflictError):  # another delivery of this moment was quicker
        _keep(desk, org_id, configuration, state, kept, at)
    return raised


def _page(desk: Raising, org_id: str, configuration: Document, token: str | None) -> Page:
    type_ = type_of_entity(configuration["entity"])
    if type_ == "bill":
        return desk.bills.list_page(org_id, BillQuery(), page_size=PAGE, next_token=token)
    return desk.stores.entities.list_page(org_id, type_, filters={}, page_size=PAGE, next_token=token)


def _due(
    desk: Raising, org_id: str, configuration: Document, sweep: Sweep, page: Page, at: datetime
) -> Iterator[Event]:
    field, type_ = configuration["field"], type_of_entity(configuration["entity"])
    for entity in page.data:
        if sweep.holds(entity, field, int(configuration["offset"])):
            yield Event(
                id=derived_id("scheduled event", org_id, configuration["id"], entity["id"], field, entity[field]),
                org_id=org_id,
                name=configuration["name"],
                time=at,
                detail={"eventData": {"newDto": representation(org_id, entity)}},
                resource_id=entity["id"],
                account_id=account_of(org_id, type_, entity, desk.stores.entities),
            )


def _keep(
    desk: Raising, org_id: str, configuration: Document, old: Document | None, fields: Document, at: datetime
) -> None:
    id_ = configuration["id"]
    body = {"configurationId": id_, **fields}
    document = updated(body, old, BY, at) if old else created(body, id_, BY, at)
    index = {"configurationId": [id_]}
    put = Put(SWEEP, document, int(old["version"]) if old else None, indexed=index)
    desk.stores.entities.commit(org_id, [put])

"""`POST /integrationdestinations/webhooks/{id}/replay` (ours): deliver again what a webhook did not get in a time.

What counts is when rules fired. A firing that has no run, because the integration was disabled then, gets its first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from usance.application.access.authorize import permitted, require
from usance.application.notifications.configurations import (
    CONFIGURATION_TYPE,
    WEBHOOK_TYPE,
    links_rule,
    webhook_of,
)
from usance.application.notifications.fire_rule import NOTIFICATION, open_run, run_of_firing
from usance.application.notifications.read_runs import RESOURCE
from usance.application.notifications.repeat_run import Way, last_repeat, repeat_run, way_to_webhook
from usance.application.notifications.runs import RUN_TYPE, enqueue, shown
from usance.application.notifications.stores import Stores
from usance.application.ports.entities import Page
from usance.application.ports.events import Event, EventQuery
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import instants
from usance.resources.replays import ReplayRequest
from usance.resources.validation import validated
from usance.resources.wire import Document

FIRINGS_AT_ONCE: Final = 100  # each may be three writes, and a request has half a minute
PAGES_MAX: Final = 50  # of firings that are too new, or need nothing, which one request passes over
REPEATS_MAX: Final = 100  # of one delivery; nobody asks that often
NOT_DELIVERED: Final = ("ERROR", "AUTH_FAILED", "TIMEOUT_LIMIT_EXCEEDED", "DISABLED")


@dataclass(frozen=True, slots=True)
class _Range:
    after: datetime
    until: datetime
    statuses: Sequence[str]


def replay_range(caller: Caller, webhook_id: str, body: Mapping[str, Any], stores: Stores) -> Page:
    """The runs that were made, newest firing first; with a token there may be more to do, by the same request with it.

    Repeating it makes nothing again that has been delivered meanwhile or is still on its way, unless `COMPLETE` is asked for.
    """
    require(caller, Action.CONFIG_UPDATE, WEBHOOK_TYPE, webhook_id)
    webhook_of(caller.org_id, webhook_id, stores.entities)
    asked = validated(ReplayRequest, body)
    wanted = _Range(
        instants.from_text(asked.start_date), instants.from_text(asked.end_date), asked.statuses or NOT_DELIVERED
    )
    if wanted.after >= wanted.until:
        raise InvalidInputError("endDate must be after startDate")
    filters = {"destinationId": [webhook_id]}
    linked = stores.entities.list_all(caller.org_id, CONFIGURATION_TYPE, filters=filters)
    configurations = {one["id"]: one for one in linked if links_rule(one) and one.get("entityId")}
    first, _, token = (asked.next_token or "").partition(".")
    ids = sorted(configurations)
    if asked.next_token and first not in ids:
        raise InvalidInputError("nextToken is not a token that this request gave; leave it out to start again")
    for id_ in ids[ids.index(first) if first else 0 :]:
        made, token_after = _replay(caller, configurations[id_], wanted, token or None, stores)
        token = ""
        following = next((other for other in ids if other > id_), None)
        onwards = f"{id_}.{token_after}" if token_after else (f"{following}." if following else None)
        if made or token_after:
            return Page([shown(run) for run in made], onwards)
    return Page([], None)


def _replay(
    caller: Caller, configuration: Document, wanted: _Range, token: str | None, stores: Stores
) -> tuple[Sequence[Document], str | None]:
    """The runs made for one page of firings, and the token of the next page that may hold more."""
    way = way_to_webhook(caller.org_id, configuration["id"], stores)
    query = EventQuery({"notificationId": configuration["entityId"], "eventType": NOTIFICATION}, include_actioned=True)
    for _ in range(PAGES_MAX):
        page = stores.events.list_page(caller.org_id, query, page_size=FIRINGS_AT_ONCE, next_token=token)
        token = page.next_token
        times = [instants.from_text(event["eventTime"]) for event in page.data]
        if times and times[-1] <= wanted.after:
            token = None
        within = [
            event["id"] for event, time in zip(page.data, times, strict=True) if wanted.after < time <= wanted.until
        ]
        made = _made(caller, way, stores.events.get_many(caller.org_id, within), wanted, stores)
        if made or token is None:
            return made, token
    return [], token


def _made(
    caller: Caller,
    way: Way,
    firings: Sequence[Event],
    wanted: _Range,
    stores: Stores,
) -> Sequence[Document]:
    of_firing = {run_of_firing(way.configuration, way.line, firing, stores)["id"]: firing for firing in firings}
    there = {run["id"]: run for run in stores.entities.get_many(caller.org_id, RUN_TYPE, list(of_firing))}
    allowed = permitted(caller, Action.CONFIG_UPDATE, RESOURCE, list(of_firing))
    made = []
    for id_, firing in reversed(of_firing.items()):  # oldest first: a line may begin to move with the first of them
        if id_ not in allowed:
            continue
        run = there.get(id_)
        if run is None:
            first = open_run(way.configuration, way.line, firing, stores)
            if first is not None:
                enqueue(caller.org_id, first, stores)
                made.append(first)
        elif (newest := _newest(caller.org_id, run, stores))["status"] in wanted.statuses:
            made.append(repeat_run(caller.org_id, newest, way, caller.audit_name, stores))
    return made[::-1]


def _newest(org_id: str, run: Document, stores: Stores) -> Document:
    """The last of the runs that repeat one another."""
    for _ in range(REPEATS_MAX):
        following = last_repeat(org_id, run, stores)
        if following is None:
            break
        run = following
    return run

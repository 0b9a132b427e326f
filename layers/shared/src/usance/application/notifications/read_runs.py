"""Reading integration runs (platform.md 10.3)."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from usance.application.access.authorize import require, require_some, require_undenied, visible
from usance.application.notifications.configurations import RULE_TYPE
from usance.application.notifications.firings import firing_of
from usance.application.notifications.readable import require_open
from usance.application.notifications.runs import (
    RULE,
    RUN_TYPE,
    delivery_id,
    is_to_webhook,
    key_of_entity,
    run_of,
    shown,
)
from usance.application.notifications.webhook_request import delivery_body
from usance.application.ordering import ordered_page
from usance.application.paging import kept_page
from usance.application.ports.deadline import Deadline
from usance.application.ports.entities import EntityRepository, Page
from usance.application.ports.events import EventLog, to_wire
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources import wire
from usance.resources.wire import Document

RESOURCE: Final = "integrationRun"


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs: `index` and `value` name the list; `status`, `after` (exclusive) and `until` (inclusive) narrow it.

    `oldest_first` turns the order round.
    """

    index: str
    value: str
    status: str | None = None
    destination: str | None = None
    after: str | None = None
    until: str | None = None
    oldest_first: bool = False

    def keeps(self, run: Document) -> bool:
        """Whether a run of the list is asked for."""
        started = run.get("dtStarted") or run["dtCreated"]
        return (
            self.status in {None, run["status"]}
            and (self.destination is None or self.destination.lower() == run["destination"].lower())
            and (self.after is None or started > self.after)
            and (self.until is None or started <= self.until)
        )


def get_run(caller: Caller, run_id: str, entities: EntityRepository) -> Document:
    """One run. `NotFoundError` when there is none."""
    require(caller, Action.CONFIG_RETRIEVE, RESOURCE, run_id)
    return shown(run_of(caller.org_id, run_id, entities))


def get_run_log(caller: Caller, run_id: str, entities: EntityRepository, events: EventLog) -> Document:
    """What was sent and what came back, without credentials and signatures.

    `Payload` is base64 of JSON with `request`, the body for a webhook (null once the event has expired), and `attempts`,
    each with its `at`, `milliseconds`, `fault` and `error`; to a webhook with `url`, `headers`, `status` and `answer`, to an
    external system with its `exchanges`. `ForbiddenError` when what it shows is denied.
    """
    require(caller, Action.CONFIG_RETRIEVE, RESOURCE, run_id)
    run = run_of(caller.org_id, run_id, entities)
    type_ = RULE_TYPE if run["entityType"] == RULE else run["entityType"]
    for shown_type, id_ in ((type_, run["entityId"]), *run["delivery"].get("holders", ())):
        require_undenied(caller, shown_type, id_)
    firing = firing_of(caller.org_id, run, events) if is_to_webhook(run) else None
    if firing is not None:
        require_open(caller, to_wire(firing))
    request = wire.loads(delivery_body(delivery_id(run), firing)) if firing else None
    log = wire.dumps({"request": request, "attempts": run["delivery"]["attempts"]})
    return {"Payload": base64.b64encode(log).decode()}


def list_runs(
    caller: Caller,
    query: RunQuery,
    entities: EntityRepository,
    deadline: Deadline,
    *,
    page_size: int,
    next_token: str | None,
) -> Page:
    """A page of runs, without those that a policy denies."""
    require_some(caller, Action.CONFIG_RETRIEVE, RESOURCE)
    filters: Mapping[str, list[str]] = {query.index: [query.value]}

    def read(size: int, token: str | None) -> Page:
        return entities.list_page(caller.org_id, RUN_TYPE, filters=filters, page_size=size, next_token=token)

    def keep(runs: Sequence[Document]) -> Sequence[Document]:
        return [run for run in visible(caller, RESOURCE, runs) if query.keeps(run)]

    if query.oldest_first:
        page = ordered_page(
            read,
            keep,
            lambda run: str(run["id"]),  # the order of creation
            asked_by="order",
            descending=False,
            page_size=page_size,
            next_token=next_token,
            deadline=deadline,
        )
    else:
        page = kept_page(read, keep, page_size=page_size, next_token=next_token, deadline=deadline)
    return Page([shown(run) for run in page.data], page.next_token)


def latest_run(
    caller: Caller, entity_type: str, entity_id: str, entities: EntityRepository, deadline: Deadline
) -> Document:
    """The newest run of an entity. `NotFoundError` when it has none."""
    newest = latest_runs(caller, entity_type, [entity_id], entities, deadline)
    if not newest:
        raise NotFoundError(f"there is no integration run of the {entity_type} {entity_id}")
    return newest[0]


def latest_runs(
    caller: Caller, entity_type: str, entity_ids: Sequence[str], entities: EntityRepository, deadline: Deadline
) -> list[Document]:
    """The newest run of each entity that has any."""
    queries = (RunQuery("entity", key_of_entity(entity_type, id_)) for id_ in entity_ids)
    pages = (list_runs(caller, query, entities, deadline, page_size=1, next_token=None) for query in queries)
    return [run for page in pages for run in page.data]

"""Events, the trial of calculations, and integration runs (platform.md 6.4, 7.2, 10.3)."""

from collections.abc import Callable, Collection
from typing import Any, Final

from usance.application.notifications.action_event import action_event
from usance.application.notifications.describe_events import list_event_fields, list_event_types
from usance.application.notifications.get_event import get_event
from usance.application.notifications.list_events import EVENT_TYPES, list_events
from usance.application.notifications.read_runs import (
    RunQuery,
    get_run,
    get_run_log,
    latest_run,
    latest_runs,
    list_runs,
)
from usance.application.notifications.runs import key_of_entity
from usance.application.ports.deadline import of_request
from usance.application.ports.entities import Page
from usance.bootstrap.notifications import ReadingStores, reading_stores
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.notifications.delivery import RunStatus
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, flag, paging
from usance.resources import instants
from usance.resources.answers import Event, EventFields, EventTypes
from usance.resources.integration_answers import Evaluation, IntegrationRun, IntegrationRunLog
from usance.resources.wire import Document

ORGANIZATION: Final = "/organizations/{orgId}"
RUNS_PAGE_MAX: Final = 200
IDS_MAX: Final = 100

_EVENT_FILTERS: Final = {
    "eventName": "Only events of this name.",
    "eventType": "Only events of this category.",
    "accountId": "Only events that concern this account.",
    "resourceId": "Only events of the entity with this id.",
    "notificationId": "Only what the notification rule with this id caused.",
    "notificationCode": "Only what the notification rule with this code caused.",
}
_EVENT_CHOICES: Final = {"eventType": {"enum": list(EVENT_TYPES)}}
_STATUSES: Final = tuple(RunStatus)
_ORDERS: Final = ("DESC", "ASC")
_RUN_FILTERS: Final = (
    QueryParameter("status", "Only runs with this status.", {"type": "string", "enum": list(_STATUSES)}),
    QueryParameter("startDate", "Only runs that started after this instant."),
    QueryParameter("endDate", "Only runs that started at this instant or before."),
    QueryParameter(
        "order", "Newest first, which is the default, or oldest first.", {"type": "string", "enum": list(_ORDERS)}
    ),
)


Handle = Callable[[Request, ReadingStores], Any]


def routes(build: Callable[[], ReadingStores] = reading_stores) -> tuple[Route, ...]:
    """What the entities function mounts beside the configuration resources. `build` is asked at the first request."""

    def route(path: str, handle: Handle, operation: Operation, method: str = "GET") -> Route:
        return Route(method, f"{ORGANIZATION}/{path}", lambda request: handle(request, build()), operation)

    return (
        route("events", _list, _EVENTS),
        route("events/types", _types, _operation("getEventTypes", "Names of events", returns=EventTypes)),
        route("events/fields", _fields, _FIELDS),
        route("events/{id}", _get, _operation("getEvent", "Read an event", returns=Event)),
        route(
            "events/{id}/actioned",
            _action,
            _operation("actionEvent", "Mark an event as actioned", returns=Event),
            "POST",
        ),
        route("notifications/evaluate", _evaluate, _EVALUATE, "POST"),
        route(
            "integrationruns/logs/{id}",
            _run_log,
            _operation("getRunLog", "What a run sent and got", _RUN_TAG, returns=IntegrationRunLog),
        ),
        route("integrationruns/destinations/{destinationId}", _destination_runs, _DESTINATION_RUNS),
        route("integrationruns/{entityType}/latest", _latest_runs, _LATEST),
        route("integrationruns/{entityType}/latest/{id}", _latest_run, _LATEST_ONE),
        route("integrationruns/{entityType}/{entityId}", _entity_runs, _ENTITY_RUNS),
        route(
            "integrationruns/{id}",
            _run,
            _operation("getRun", "Read an integration run", _RUN_TAG, returns=IntegrationRun),
        ),
    )


def _list(request: Request, stores: ReadingStores) -> Document:
    size, token = paging(request)
    filters = {name: value for name in _EVENT_FILTERS if (value := request.one(name))}
    page = list_events(
        request.caller,
        stores.events,
        filters=filters,
        ids=request.many("ids"),
        include_actioned=flag(request, "includeActioned"),
        page_size=size,
        next_token=token,
        deadline=of_request(stores.clock),
    )
    return _page(page)


def _get(request: Request, stores: ReadingStores) -> Document:
    return get_event(request.caller, request.path["id"], stores.events)


def _action(request: Request, stores: ReadingStores) -> Document:
    return action_event(request.caller, request.path["id"], stores.events, stores.clock)


def _types(request: Request, stores: ReadingStores) -> Document:
    return list_event_types(request.caller, stores.entities)


def _fields(request: Request, stores: ReadingStores) -> Document:
    return list_event_fields(request.caller, request.one("eventName"), stores.entities)


def _evaluate(request: Request, stores: ReadingStores) -> Document:
    # Loads the grammar, which no other request of this function needs.
    from usance.application.notifications.try_calculation import try_calculation

    return try_calculation(request.caller, request.json_object(), stores.events, stores.entities)


def _run(request: Request, stores: ReadingStores) -> Document:
    return get_run(request.caller, request.path["id"], stores.entities)


def _run_log(request: Request, stores: ReadingStores) -> Document:
    return get_run_log(request.caller, request.path["id"], stores.entities, stores.events)


def _entity_runs(request: Request, stores: ReadingStores) -> Document:
    return _runs(request, stores, "entity", key_of_entity(request.path["entityType"], request.path["entityId"]))


def _destination_runs(request: Request, stores: ReadingStores) -> Document:
    return _runs(request, stores, "destinationId", request.path["destinationId"])


def _latest_run(request: Request, stores: ReadingStores) -> Document:
    return latest_run(
        request.caller, request.path["entityType"], request.path["id"], stores.entities, of_request(stores.clock)
    )


def _latest_runs(request: Request, stores: ReadingStores) -> list[Any]:
    ids = request.many("ids")
    if not 1 <= len(ids) <= IDS_MAX:
        raise InvalidInputError(f"ids must name 1 to {IDS_MAX} entities")
    deadline = of_request(stores.clock)
    return latest_runs(request.caller, request.path["entityType"], ids, stores.entities, deadline)


def _runs(request: Request, stores: ReadingStores, index: str, value: str) -> Document:
    size, token = paging(request, largest=RUNS_PAGE_MAX)
    query = RunQuery(
        index=index,
        value=value,
        status=_choice(request, "status", _STATUSES),
        destination=request.one("destination") if index == "destinationId" else None,
        after=_instant(request, "startDate"),
        until=_instant(request, "endDate"),
        oldest_first=_choice(request, "order", _ORDERS) == "ASC",
    )
    return _page(
        list_runs(request.caller, query, stores.entities, of_request(stores.clock), page_size=size, next_token=token)
    )


def _choice(request: Request, name: str, choices: Collection[str]) -> str | None:
    text = request.one(name)
    if text is not None and text not in choices:
        raise InvalidInputError(f"{name} must be one of {', '.join(sorted(choices))}")
    return text


def _instant(request: Request, name: str) -> str | None:
    text = request.one(name)
    if text is None:
        return None
    try:
        return instants.to_text(instants.from_text(text))
    except (ValueError, OverflowError) as malformed:
        raise InvalidInputError(f"{name} must be a date-time such as 2026-01-31T12:00:00Z") from malformed


def _page(page: Page) -> Document:
    return {"data": list(page.data), "nextToken": page.next_token}


_EVENT_TAG: Final = "Events"
_RUN_TAG: Final = "Integration runs"


def _operation(id_: str, summary: str, tag: str = _EVENT_TAG, **more: Any) -> Operation:
    return Operation(id=id_, summary=summary, tag=tag, **more)


_EVENTS: Final = _operation(
    "listEvents",
    "List events, newest first",
    returns=Event,
    query=(
        *(
            QueryParameter(name, text, {"type": "string", **_EVENT_CHOICES.get(name, {})})
            for name, text in _EVENT_FILTERS.items()
        ),
        QueryParameter(
            "ids", "Only these events; not with another filter.", {"type": "array", "items": {"type": "string"}}
        ),
        QueryParameter("includeActioned", "Whether to list actioned events too.", {"type": "boolean"}),
    ),
    paged=True,
)
_FIELDS: Final = _operation(
    "getEventFields",
    "Fields that calculations may use",
    query=(QueryParameter("eventName", "Only of this event."),),
    returns=EventFields,
)
_EVALUATE: Final = _operation("evaluateNotification", "Check a calculation without firing anything", returns=Evaluation)
_DESTINATION_RUNS: Final = _operation(
    "listDestinationRuns",
    "List the runs of a destination",
    _RUN_TAG,
    query=(*_RUN_FILTERS, QueryParameter("destination", "Only runs to this kind of destination.")),
    returns=IntegrationRun,
    paged=True,
    page_size_max=RUNS_PAGE_MAX,
)
_ENTITY_RUNS: Final = _operation(
    "listEntityRuns",
    "List the runs of an entity",
    _RUN_TAG,
    query=_RUN_FILTERS,
    returns=IntegrationRun,
    paged=True,
    page_size_max=RUNS_PAGE_MAX,
)
_LATEST_ONE: Final = _operation("getLatestRun", "The newest run of an entity", _RUN_TAG, returns=IntegrationRun)
_LATEST: Final = _operation(
    "listLatestRuns",
    "The newest run of each of some entities",
    _RUN_TAG,
    array=True,
    returns=IntegrationRun,
    query=(QueryParameter("ids", "The entities.", {"type": "array", "items": {"type": "string"}}, required=True),),
)

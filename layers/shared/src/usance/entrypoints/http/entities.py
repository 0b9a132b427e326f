"""Configuration resources: every row of the registry as routes, and by hand what no row describes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from usance.application.account_plans.replace import replace_account_plan
from usance.application.entities.create_entity import create_entity
from usance.application.entities.delete_entity import delete_entity
from usance.application.entities.get_entity import get_entity
from usance.application.entities.list_entities import ListQuery, list_entities
from usance.application.entities.patch_entity import patch_entity
from usance.application.entities.ports import EntityPorts
from usance.application.entities.update_entity import update_entity
from usance.application.exports.ports import ExportPorts
from usance.application.lookups.ports import LookupPorts
from usance.application.notifications.stores import Stores
from usance.application.ports.bills import BillRepository
from usance.application.ports.entities import Page
from usance.application.principals.invite import Post
from usance.bootstrap.configuration import build_entity_ports, build_lookup_ports, build_post
from usance.bootstrap.exports import export_ports
from usance.bootstrap.notifications import notification_stores, sent_bills
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints.http import (
    access,
    core,
    credit,
    deliveries,
    end_dating,
    events,
    exports,
    integrations,
    lookups,
    mappings,
    resource_groups,
    searches,
    uploads,
)
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, day, flag, moment, paging
from usance.resources.account import ACCOUNT
from usance.resources.account_plan import ACCOUNT_PLAN, AccountPlansReplaced
from usance.resources.data_export import DATA_EXPORT_SCHEDULE
from usance.resources.integration_configuration import BY_ENTITY, INTEGRATION_CONFIGURATION
from usance.resources.invitation import INVITATION
from usance.resources.registry import REGISTRY
from usance.resources.resource import TEXT, Filter, Resource, Verb
from usance.resources.webhook import WEBHOOK
from usance.resources.wire import Document

Ports = Callable[[], EntityPorts]

IDS_MAX: Final = 200  # ids or codes in one list request; as many as the largest page shows
ORGANIZATION: Final = "/organizations/{orgId}"
NO_OWN: Final[Mapping[Verb, Callable[[Request], Document]]] = {}
_SORT_ORDER: Final = QueryParameter(
    "sortOrder",
    "Oldest date first or last; without it, newest created first.",
    {"type": "string", "enum": ["ASC", "DESC"]},
)
_BY_HAND: Final = (resource_groups, credit, mappings, searches, end_dating)  # what no row describes


def routes(
    ports: Ports = build_entity_ports,
    lookup_ports: Callable[[], LookupPorts] = build_lookup_ports,
    exporting: Callable[[], ExportPorts] = export_ports,
    post: Callable[[], Post] = build_post,
    notifying: Callable[[], Stores] = notification_stores,
    bills: Callable[[], BillRepository] = sent_bills,
) -> tuple[Route, ...]:
    """Every route of this module. The ports are asked at the first request, so that describing routes needs no store."""
    own = {
        DATA_EXPORT_SCHEDULE.type: exports.schedule_verbs(ports, exporting),
        INVITATION.type: access.invitation_verbs(ports, post),
    }
    mounted = tuple(route for row in REGISTRY for route in mount(row, ports, own.get(row.type, {})))
    by_hand = (route for module in _BY_HAND for route in module.routes(ports))
    return (
        *mounted,
        *_extras(ports),
        *by_hand,
        *access.routes(ports, post),
        *lookups.routes(ports, lookup_ports),
        *uploads.routes(ports, lookup_ports),
        *exports.routes(ports, exporting, lookup_ports),
        *events.routes(),
        *deliveries.routes(notifying),
        *integrations.routes(ports, notifying, bills),
    )


def handler() -> core.Handler:
    """The Lambda handler."""
    return core.build(routes())


def mount(
    resource: Resource, ports: Ports, own: Mapping[Verb, Callable[[Request], Document]] = NO_OWN
) -> tuple[Route, ...]:
    """The routes of one row: a function per verb. What a resource does in its `own` way takes the place of the common one."""
    collection = f"{ORGANIZATION}/{resource.path}"
    item = collection if resource.singleton else f"{collection}/{{id}}"

    def create(request: Request) -> Document:
        return create_entity(ports(), request.caller, resource, request.json_object(), _place(resource, request))

    def read(request: Request) -> Document:
        id_, place = _id(resource, request), _place(resource, request)
        return get_entity(ports(), request.caller, resource, id_, place, _asked_besides(resource, request))

    def listing(request: Request) -> Document:
        query = _list_query(resource, resource.filters, request)
        return envelope(list_entities(ports(), request.caller, resource, query, _place(resource, request)))

    def update(request: Request) -> Document:
        id_, place = _id(resource, request), _place(resource, request)
        return update_entity(ports(), request.caller, resource, id_, request.json_object(), place)

    def delete(request: Request) -> Document:
        return delete_entity(ports(), request.caller, resource, _id(resource, request), _place(resource, request))

    table: dict[Verb, tuple[str, str, Callable[[Request], Any], str]] = {
        Verb.CREATE: ("POST", collection, create, "Create"),
        Verb.LIST: ("GET", collection, listing, "List"),
        Verb.GET: ("GET", item, read, "Read"),
        Verb.UPDATE: ("PUT", item, update, "Replace"),
        Verb.DELETE: ("DELETE", item, delete, "Delete"),
    }
    return tuple(
        Route(method, path, own.get(verb, handle), _operation(resource, verb, summary))
        for verb, (method, path, handle, summary) in table.items()
        if verb in resource.verbs
    )


def _extras(ports: Ports) -> tuple[Route, ...]:
    def children(request: Request) -> Document:
        get_entity(ports(), request.caller, ACCOUNT, request.path["id"])
        size, token = paging(request, largest=200)
        query = ListQuery(size, token, {"parentAccountId": [request.path["id"]]})
        return envelope(list_entities(ports(), request.caller, ACCOUNT, query))

    def replace(request: Request) -> Document:
        return replace_account_plan(ports(), request.caller, request.path["id"], request.json_object())

    def set_active(request: Request) -> Document:
        if request.one("active") is None:
            raise InvalidInputError("active is required: true or false")
        changes = {"active": flag(request, "active")}
        return patch_entity(ports(), request.caller, WEBHOOK, request.path["id"], changes)

    def enable(request: Request) -> Document:
        return patch_entity(ports(), request.caller, INTEGRATION_CONFIGURATION, request.path["id"], {"enabled": True})

    def by_entity(request: Request) -> Document:
        query = _list_query(INTEGRATION_CONFIGURATION, BY_ENTITY, request)
        filters = {**query.filters, "entityType": [request.path["entityType"].lower()]}
        page = list_entities(
            ports(),
            request.caller,
            INTEGRATION_CONFIGURATION,
            ListQuery(query.page_size, query.next_token, filters),
        )
        only = page.data[0] if len(page.data) == 1 and query.next_token is None and page.next_token is None else {}
        return {**only, **envelope(page)}  # clients expect either shape (platform.md 16, Q5)

    webhook = f"{ORGANIZATION}/{WEBHOOK.path}/{{id}}/active"
    integration = f"{ORGANIZATION}/{INTEGRATION_CONFIGURATION.path}"
    return (
        Route(
            "GET",
            f"{ORGANIZATION}/{ACCOUNT.path}/{{id}}/children",
            children,
            Operation(
                "account.children",
                "List the child accounts of an account",
                ACCOUNT.title,
                paged=True,
                page_size_max=200,
                resource=ACCOUNT,
            ),
        ),
        Route(
            "POST",
            f"{ORGANIZATION}/{ACCOUNT_PLAN.path}/{{id}}/replace",
            replace,
            Operation(
                "accountPlan.replace",
                "End an account plan where another one starts",
                ACCOUNT_PLAN.title,
                ACCOUNT_PLAN.model,
                AccountPlansReplaced,
            ),
        ),
        Route(
            "PUT",
            webhook,
            set_active,
            Operation(
                "webhook.setActive",
                "Activate or deactivate a webhook destination",
                WEBHOOK.title,
                query=(QueryParameter("active", "The new state.", {"type": "boolean"}, required=True),),
                resource=WEBHOOK,
            ),
        ),
        Route(
            "POST",
            f"{integration}/{{id}}/enable",
            enable,
            Operation(
                "integrationConfiguration.enable",
                "Enable an integration configuration again",
                INTEGRATION_CONFIGURATION.title,
                resource=INTEGRATION_CONFIGURATION,
            ),
        ),
        Route(
            "GET",
            f"{integration}/entity/{{entityType}}",
            by_entity,
            Operation(
                "integrationConfiguration.byEntity",
                "List the integration configurations of a kind of entity",
                INTEGRATION_CONFIGURATION.title,
                query=tuple(_parameter(filter_) for filter_ in BY_ENTITY),
                paged=True,
                page_size_max=200,
                resource=INTEGRATION_CONFIGURATION,
            ),
        ),
    )


def envelope(page: Page) -> Document:
    """A page as the API answers it."""
    return {"data": list(page.data), "nextToken": page.next_token}


def _id(resource: Resource, request: Request) -> str:
    return request.caller.org_id if resource.singleton else request.path["id"]


def _place(resource: Resource, request: Request) -> dict[str, str]:
    return {resource.within.field: request.path[resource.within.field]} if resource.within else {}


def _order(resource: Resource, request: Request) -> str:
    """`ASC` or `DESC` when the list is to be ordered, else nothing."""
    order = (request.one("sortOrder") or "").upper() if resource.order_by else ""
    if order not in {"", "ASC", "DESC"}:
        raise InvalidInputError("sortOrder must be ASC or DESC")
    return order


def _list_query(resource: Resource, filters: Sequence[Filter], request: Request) -> ListQuery:
    size, token = paging(request, largest=resource.page_size_max)
    chosen: dict[str, Sequence[str]] = {}
    order = _order(resource, request)
    asked = {"sortOrder"} if order else set()
    for filter_ in filters:
        if not (values := _values(filter_, request)):
            continue
        asked.add(filter_.parameter)
        before = chosen.get(filter_.index)  # two parameters may speak of one field
        chosen[filter_.index] = values if before is None else [value for value in values if value in before]
    selected = _selected(resource, request)
    if resource.check_list:
        resource.check_list(asked | {name for name, value in selected.items() if value != "false"})
    descending = order == "DESC" if order else None
    return ListQuery(size, token, chosen, selected, _asked_besides(resource, request), descending)


def _values(filter_: Filter, request: Request) -> Sequence[str]:
    """What a filter is to be; empty when it was not sent."""
    name = filter_.parameter
    values = request.many(name) if filter_.many else [value for value in request.query.get(name, ()) if value]
    if len(values) > IDS_MAX:
        raise InvalidInputError(f"{name} takes at most {IDS_MAX} values")
    if not values:
        return [filter_.blank] if filter_.blank and name in request.query else ()
    if filter_.choices and (wrong := next((value for value in values if value not in filter_.choices), None)):
        raise InvalidInputError(f"{name} must be one of {', '.join(filter_.choices)}, not {wrong[:100]}")
    if filter_.many:
        return values
    if filter_.boolean:
        return [str(flag(request, name)).lower()]
    value = str(day(request, name) if filter_.day else request.one(name))
    return [value.lower() if filter_.folded else value]


def _selected(resource: Resource, request: Request) -> dict[str, str]:
    selected: dict[str, str] = {}
    for name, schema in resource.selection.parameters.items() if resource.selection else ():
        if (text := request.one(name)) is None:
            continue
        if schema["type"] == "boolean":
            selected[name] = str(flag(request, name)).lower()
        else:
            selected[name] = text if schema.get("format") == TEXT else str(moment(request, name))
    return selected


def _operation(resource: Resource, verb: Verb, summary: str) -> Operation:
    query: tuple[QueryParameter, ...] = ()
    if verb is Verb.LIST:
        query = (
            *(_parameter(filter_) for filter_ in resource.filters),
            *(
                QueryParameter(name, schema["description"], {"type": schema["type"]})
                for name, schema in (resource.selection.parameters.items() if resource.selection else ())
            ),
            *((_SORT_ORDER,) if resource.order_by else ()),
        )
    if resource.additional and verb in {Verb.LIST, Verb.GET}:
        query = (*query, _additional(resource))
    return Operation(
        id=f"{resource.type}.{verb}",
        summary=f"{summary}: {resource.title.lower()}",
        tag=resource.title,
        body=resource.model if verb in {Verb.CREATE, Verb.UPDATE} else None,
        query=query,
        paged=verb is Verb.LIST,
        page_size_max=resource.page_size_max,
        resource=resource,
    )


def _asked_besides(resource: Resource, request: Request) -> Sequence[str]:
    return request.many("additional") if resource.additional else ()


def _additional(resource: Resource) -> QueryParameter:
    names = {"type": "string", "enum": sorted(resource.additional)}
    return QueryParameter("additional", "Fields to show besides.", {"type": "array", "items": names})


def _parameter(filter_: Filter) -> QueryParameter:
    schema: dict[str, Any] = {"type": "boolean"} if filter_.boolean else {"type": "string"}
    if filter_.choices:
        schema["enum"] = list(filter_.choices)
    if filter_.many:
        schema = {"type": "array", "items": {"type": "string"}, "maxItems": IDS_MAX}
    return QueryParameter(filter_.parameter, filter_.description, schema)

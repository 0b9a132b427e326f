"""No operation, of all that are mounted, lets anybody at what is not theirs.

Every route of every HTTP function is here by being mounted. One whose path has an id that nothing here knows fails until
`tests/fakes/deployment.py` says what the organization has there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.deployment import OPERATIONS, Deployment, body, deployed, http_functions, query
from usance.entrypoints.http.routes import Route

EMPTY: list[Any] = [{"data": [], "nextToken": None}, []]
SERVICES = ("config", "billing", "analytics", "measurements", "exports")
Statements = Callable[[Deployment, set[str]], list[dict[str, Any]]]
NOTHING: list[dict[str, Any]] = []
SOMETHING_ELSE = [{"effect": "allow", "action": ["forecast:retrieve"], "resource": ["*"]}]
ALL = {"effect": "allow", "action": ["all"], "resource": ["*"]}
WHO_AM_I = "/organizations/{orgId}/users/me"
DENIED = [
    ALL,
    {"effect": "DENY", "action": ["ALL"], "resource": ["*"]},
]

operations = pytest.mark.parametrize(
    ("function", "route"), OPERATIONS, ids=[f"{route.method} {route.path}" for _, route in OPERATIONS]
)


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as found:
        yield found


def test_every_http_function_is_here() -> None:
    assert {function for function, _ in OPERATIONS} == set(http_functions())
    assert len(OPERATIONS) > 100
    assert {route.operation.id for _, route in OPERATIONS} > NOT_MADE


NOT_MADE = {  # what these give comes of work that is not done in these tests
    "listLatestRuns",
    "getCurrentUser",
    "dataExport.downloadUrl",
    "getBillStatementCsv",
    "getBillStatementJson",
    "getFailedIngestDownloadUrl",
    "getBillCorrection",
    "fileUpload.original",
}
FOUND = [
    (function, route) for function, route in OPERATIONS if route.method == "GET" and route.operation.id not in NOT_MADE
]


@pytest.mark.parametrize(("function", "route"), FOUND, ids=[route.path for _, route in FOUND])
def test_the_organization_itself_finds_what_others_are_refused(
    deployment: Deployment, function: str, route: Route
) -> None:
    client = deployment.client(function, deployment.world.org.id)
    answer = client.call("GET", deployment.path(route), query=query(route))
    assert answer.status == 200, answer.text


@operations
def test_a_token_is_worth_nothing_in_another_organization(deployment: Deployment, function: str, route: Route) -> None:
    org, before = deployment.world.org, deployment.belongings()
    client = deployment.client(function, org.other_id)
    answer = client.call(route.method, deployment.path(route), body(route), query=query(route), org=org.id)
    assert answer.status == 403
    assert deployment.belongings() == before


@operations
def test_ids_of_another_organization_name_nothing(deployment: Deployment, function: str, route: Route) -> None:
    """403 or 404; or an empty list, where the path only says what to look for."""
    org, before = deployment.world.org, deployment.belongings()
    client = deployment.client(function, org.other_id)
    answer = client.call(route.method, deployment.path(route), body(route), query=query(route))
    assert deployment.belongings() == before
    assert answer.status < 500
    for id_ in {id_ for id_ in deployment.ids.values() if len(id_) == 36}:
        assert id_ not in answer.text or answer.status in {403, 404}
    if deployment.names_something(route) and not (answer.status == 200 and answer.json in EMPTY):
        assert answer.status in {403, 404}, answer.text


@operations
@pytest.mark.parametrize("statements", [NOTHING, SOMETHING_ELSE, DENIED], ids=["nothing", "something else", "denied"])
def test_without_permission_every_operation_is_refused(
    deployment: Deployment, function: str, route: Route, statements: list[dict[str, Any]]
) -> None:
    before = deployment.belongings()
    client = deployment.client(function, deployment.world.org.id, statements)
    answer = client.call(route.method, deployment.path(route), body(route), query=query(route))
    if route.path == WHO_AM_I:  # everybody may ask; this caller is nobody that the organization knows
        assert answer.status == 404
        return
    assert answer.status == 403, answer.text
    assert answer.message
    assert deployment.belongings() == before


PARTS = {"lineitems", "creditlineitems", "debitlineitems", "data", "data/jobs"}  # no types of their own in statements
BY_NAME = ("/bills/accountid/", "/bills/latest/", "/integrationruns/")  # what is asked for is another item
NAMING = [
    (function, route)
    for function, route in OPERATIONS
    if "{" in route.path.replace("{orgId}", "") and not any(part in route.path for part in BY_NAME)
]


named_operations = pytest.mark.parametrize(
    ("function", "route"), NAMING, ids=[f"{route.method} {route.path}" for _, route in NAMING]
)


def denied_items(deployment: Deployment, ids: set[str]) -> list[dict[str, Any]]:
    """Everything but these items."""
    items = [f"{service}:*/item/{id_}" for id_ in ids for service in SERVICES]
    return [ALL, {"effect": "deny", "action": ["all"], "resource": items}]


def denied_group(deployment: Deployment, ids: set[str]) -> list[dict[str, Any]]:
    """Everything but what is in a resource group, which holds these items."""
    group = deployment.group(ids)
    return [
        ALL,
        {"effect": "deny", "action": ["all"], "resource": [f"{service}:*/group/{group}" for service in SERVICES]},
    ]


def other_items(deployment: Deployment, ids: set[str]) -> list[dict[str, Any]]:
    """Nothing but another item of each type, and what is in a resource group that holds none of these."""
    stranger = deployment.world.org.ids.new()
    kinds = [f"{service}:*/{kind}/{stranger}" for service in SERVICES for kind in ("item", "group")]
    return [{"effect": "allow", "action": ["all"], "resource": kinds}]


@named_operations
@pytest.mark.parametrize("statements", [denied_items, denied_group, other_items], ids=lambda make: make.__name__)
def test_an_item_that_is_denied_is_neither_read_nor_changed(
    deployment: Deployment, function: str, route: Route, statements: Statements
) -> None:
    if not deployment.names_something(route):
        pytest.skip("names nothing")
    path = deployment.path(route)
    named = [part for part in path.split("/") if part in deployment.ids.values()]
    alone = [id_ for id_ in named if id_ not in {deployment.ids[noun] for noun in PARTS}]
    for denied in (named, *([id_] for id_ in alone)):  # of what lies in another, the other denies it too
        held = statements(deployment, set(denied))
        before = deployment.belongings()
        client = deployment.client(function, deployment.world.org.id, held)
        answer = client.call(route.method, path, body(route), query=query(route))
        assert deployment.belongings() == before
        assert answer.status == 403 or (answer.status == 200 and answer.json in EMPTY), answer.text


READING = ("/preview", "/data/jobs/download", "/data/archived")  # by POST
HOLDERS = {"/balances/{balanceId}/": "balance", "/lookuptables/{lookupTableId}/": "lookupTable"}
HELD = [(function, route, kind) for function, route in NAMING for path, kind in HOLDERS.items() if path in route.path]
CHANGING = [held for held in HELD if held[1].method != "GET" and not held[1].path.endswith(READING)]
EXPORTING = [held for held in HELD if held[1].path.endswith(READING[1:])]


def test_there_are_operations_on_what_lies_in_another() -> None:
    assert {kind for _, _, kind in CHANGING} == set(HOLDERS.values())
    assert len(EXPORTING) == len(READING[1:])


@pytest.mark.parametrize(
    ("action", "held"),
    [*(("config:update", held) for held in CHANGING), *(("config:export", held) for held in EXPORTING)],
    ids=lambda value: value if isinstance(value, str) else f"{value[1].method} {value[1].path}",
)
def test_what_is_done_in_an_item_needs_that_it_may_be_done_to_the_item(
    deployment: Deployment, action: str, held: tuple[str, Route, str]
) -> None:
    function, route, kind = held
    [noun] = [path.split("/")[1] for path, type_ in HOLDERS.items() if type_ == kind]
    items = [f"{service}:{kind}/item/{deployment.ids[noun]}" for service in SERVICES]
    statements = [ALL, {"effect": "deny", "action": [action], "resource": items}]
    before = deployment.belongings()
    client = deployment.client(function, deployment.world.org.id, statements)
    answer = client.call(route.method, deployment.path(route), body(route), query=query(route))
    assert deployment.belongings() == before
    assert answer.status == 403, answer.text

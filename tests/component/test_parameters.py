"""Every query parameter that an operation describes is read, and changes what is answered.

The parameters are here by being described: a new one whose value nothing here knows fails until this file says what it does.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.fakes.deployment import OPERATIONS, Deployment, body, deployed, query
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import QueryParameter, Route

NO_ID = "77777777-7777-7777-8777-777777777777"
ADDS_NOTHING = "Accepted for compatibility"
OF_TWO_OR_MORE = {"operator", "sortBy", "sortOrder", "order", "pageSize", "limit", "fromDocument", "inherited"}
TRIED_ELSEWHERE = {
    ("lookupTable.list", "additional"): "of a table with a published revision",
    ("lookupTable.get", "additional"): "of a table with a published revision",
    ("accountPlan.list", "includeall"): "of an account whose plans have ended",
    ("listStatementJobs", "active"): "of jobs that are over",
    ("listLatestRuns", "ids"): "is required",
    ("getFailedIngestDownloadUrl", "file"): "is required",
}
VALUES = {"searchQuery": [f"id:{NO_ID}"], "getEventFields.eventName": ["configuration.plan.created"]}
BY_NEED = {"approveBills"}  # looks at the query when the body names nothing

ASKING = [
    (function, route)
    for function, route in OPERATIONS
    if (route.method == "GET" or route.operation.query or route.operation.paged) and route.operation.id not in BY_NEED
]
READING = [
    (function, route, parameter)
    for function, route in OPERATIONS
    if route.method == "GET"
    for parameter in route.operation.query
    if ADDS_NOTHING not in parameter.description
    and parameter.name not in OF_TWO_OR_MORE
    and (route.operation.id, parameter.name) not in TRIED_ELSEWHERE
]


class Recorded(dict[str, list[str]]):
    """A query that knows what was looked for in it."""

    asked: set[str]

    def get(self, key: str, default: Any = ()) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as found:
        yield found


@pytest.mark.parametrize(("function", "route"), ASKING, ids=[f"{route.method} {route.path}" for _, route in ASKING])
def test_parameters_are_described_and_read(
    deployment: Deployment, function: str, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = route.operation
    described = {one.name for one in operation.query if ADDS_NOTHING not in one.description}
    if operation.paged and "pageSize" not in described:
        described |= {"pageSize", "nextToken"}
    asked: set[str] = set()
    plain = core._query

    def recorded(raw: str) -> Recorded:
        found = Recorded(plain(raw))
        found.asked = asked
        return found

    monkeypatch.setattr(core, "_query", recorded)
    client = deployment.client(function, deployment.world.org.id)
    client.call(route.method, deployment.path(route), body(route), query=query(route))
    assert asked == described


@pytest.mark.parametrize(
    ("function", "route", "parameter"),
    READING,
    ids=[f"{route.path}?{parameter.name}" for _, route, parameter in READING],
)
def test_a_parameter_changes_what_is_answered(
    deployment: Deployment, function: str, route: Route, parameter: QueryParameter
) -> None:
    client, path = deployment.client(function, deployment.world.org.id), deployment.path(route)
    others = {**query(route), **_beside(deployment, route, parameter)}
    plain = client.call("GET", path, query=others)
    assert plain.status == 200, plain.text
    answers = [client.call("GET", path, query={**others, parameter.name: value}) for value in _values(route, parameter)]
    assert any(answer.status == 200 and answer.text != plain.text for answer in answers), [
        (answer.status, answer.text[:200]) for answer in answers
    ]
    assert not [answer.text for answer in answers if answer.status >= 500]


def _beside(deployment: Deployment, route: Route, parameter: QueryParameter) -> dict[str, str]:
    """What the list must be asked besides."""
    client = deployment.client("entities", deployment.world.org.id)
    match route.operation.id, parameter.name:
        case "counterAdjustment.list", _:
            made = client.get(f"/counteradjustments/{deployment.ids['counteradjustments']}").json
            return {"counterId": made["counterId"], "accountId": made["accountId"]}
        case "accountPlan.list", "product":
            plan = client.get(f"/accountplans/{deployment.ids['accountplans']}").json
            return {"account": plan["accountId"]}
        case _:
            return {}


def _values(route: Route, parameter: QueryParameter) -> Sequence[str]:
    """Some of which nothing answers to."""
    for name in (parameter.name, f"{route.operation.id}.{parameter.name}"):
        if name in VALUES:
            return VALUES[name]
    schema = parameter.schema
    if schema["type"] == "boolean":
        return ["true", "false"]
    of = schema.get("items", schema)
    return of.get("enum") or [NO_ID, "1999-01-01", "2999-01-01"]

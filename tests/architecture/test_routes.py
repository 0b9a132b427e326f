"""The template routes every operation to the function that mounts it, and nothing else."""

import importlib
from typing import Any

import pytest

from usance.entrypoints.http.routes import Route

Functions = dict[str, dict[str, Any]]
HTTP_FUNCTIONS = ["billing", "entities", "ingest", "statements", "tokens", "usage"]


def mounted(function: str) -> tuple[Route, ...]:
    routes: tuple[Route, ...] = importlib.import_module(f"usance.entrypoints.http.{function}").routes()
    return routes


def template_routes(functions: Functions) -> list[tuple[str, str, str]]:
    """Method, path and function of every HttpApi event."""
    return [
        (event["Properties"]["Method"], event["Properties"]["Path"], name)
        for name, function in functions.items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]


def rank(segment: str) -> int:
    if segment == "{proxy+}":
        return 2
    return 1 if segment.startswith("{") else 0


def fit(pattern: str, path: str) -> tuple[int, ...] | None:
    """How well a template's path fits an operation's path, smaller is better; None when it does not."""
    wanted, given = pattern.strip("/").split("/"), path.strip("/").split("/")
    greedy = wanted[-1] == "{proxy+}"
    if len(given) < len(wanted) or (len(given) > len(wanted) and not greedy):
        return None
    for want, have in zip(wanted, given, strict=False):
        # a variable of an operation may hold any text, so that only a variable can stand for it
        if rank(want) == 0 and want != have:
            return None
    return tuple(rank(segment) for segment in wanted)


def chosen(functions: Functions, method: str, path: str) -> tuple[str, str, str]:
    """The route that API Gateway takes: the most specific path, and of equals the one that names the method."""
    fitting = [
        (fitness, route_method == "ANY", (route_method, route_path, function))
        for route_method, route_path, function in template_routes(functions)
        if route_method in {method, "ANY"} and (fitness := fit(route_path, path)) is not None
    ]
    assert fitting, f"the template has no route for {method} {path}"
    return min(fitting)[2]


@pytest.mark.parametrize("function", HTTP_FUNCTIONS)
def test_an_operation_reaches_the_function_that_mounts_it(functions: Functions, function: str) -> None:
    for route in mounted(function):
        assert chosen(functions, route.method, route.path)[2] == function, f"{route.method} {route.path}"


def test_every_route_of_the_template_is_taken_by_an_operation(functions: Functions) -> None:
    taken = {chosen(functions, route.method, route.path) for name in HTTP_FUNCTIONS for route in mounted(name)}
    assert taken == set(template_routes(functions))


def test_the_functions_with_routes_are_those_that_mount_some(functions: Functions) -> None:
    assert {function for _, _, function in template_routes(functions)} == set(HTTP_FUNCTIONS)


def test_only_tokens_and_the_description_are_open_to_all(functions: Functions) -> None:
    open_paths = {
        event["Properties"]["Path"]
        for function in functions.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Auth" in event["Properties"]
    }
    assert open_paths == {"/oauth/token", "/openapi.json"}


def test_an_operation_id_names_one_operation() -> None:
    ids = [route.operation.id for function in HTTP_FUNCTIONS for route in mounted(function)]
    assert len(ids) == len(set(ids))


def test_a_more_specific_path_wins_wherever_its_variables_stand() -> None:
    specific = fit("/a/{id}/statement/{proxy+}", "/a/{id}/statement/json")
    broad = fit("/a/{proxy+}", "/a/{id}/statement/json")
    assert specific is not None
    assert broad is not None
    assert specific < broad
    assert fit("/a/b", "/a/c") is None
    assert fit("/a/{proxy+}", "/a") is None

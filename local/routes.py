"""Finds the route of a request as an API Gateway HTTP API does: the most specific one that matches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.plan import Route

_LITERAL, _VARIABLE, _GREEDY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and the values of its path variables, decoded."""

    route: Route
    parameters: Mapping[str, str]


def _kind(segment: str) -> int:
    if not segment.startswith("{"):
        return _LITERAL
    return _GREEDY if segment.endswith("+}") else _VARIABLE


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


def normal_path(path: str) -> str:
    """The path with doubled slashes made one, as a base URL that ends in a slash produces them."""
    while "//" in path:
        path = path.replace("//", "/")
    return path or "/"


class RouteTable:
    """The routes of one API."""

    def __init__(self, routes: Sequence[Route]) -> None:
        """Two routes of the same method and path are an error of the template; the first is taken."""
        self._routes = sorted(routes, key=lambda route: (_rank(route), route.method == "ANY"))

    def find(self, method: str, path: str) -> Match | None:
        """The most specific route for a method and an undecoded path; None when there is none."""
        segments = [unquote(segment) for segment in _segments(normal_path(path))]
        for route in self._routes:
            if route.method not in {"ANY", method}:
                continue
            parameters = _match(_segments(route.path), segments)
            if parameters is not None:
                return Match(route, parameters)
        return None


def _rank(route: Route) -> tuple[int, ...]:
    return (*map(_kind, _segments(route.path)), _GREEDY + 1)


def _match(pattern: Sequence[str], segments: Sequence[str]) -> Mapping[str, str] | None:
    parameters: dict[str, str] = {}
    for position, part in enumerate(pattern):
        kind = _kind(part)
        if position >= len(segments):
            return None
        if kind == _GREEDY:
            parameters[part[1:-2]] = "/".join(segments[position:])
            return parameters
        if kind == _VARIABLE:
            parameters[part[1:-1]] = segments[position]
        elif part != segments[position]:
            return None
    return parameters if len(pattern) == len(segments) else None

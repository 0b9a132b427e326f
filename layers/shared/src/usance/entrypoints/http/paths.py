"""From the path of a request to its route.

API Gateway's HTTP APIs hand the path over decoded, so that a slash which a client encoded looks like any other. Where a
route says so (`rest`), its last variable holds whatever follows, slashes included; any other route that fits comes first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from usance.entrypoints.http.routes import Route

Segments = Sequence[str]


class Paths:
    """Of some routes. Of several that fit, the one with the fewest variables is found."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_size: dict[int, list[tuple[Segments, Route]]] = {}  # comparing texts costs no start as patterns do
        self._rest: list[re.Pattern[str]] = []
        for route in sorted(routes, key=_specificity):
            segments = route.path.split("/")
            self._by_size.setdefault(len(segments), []).append((segments, route))
            if route.rest:
                self._rest.append(_followed(segments[:-1]))

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route of a request, and the values of its variables; None when there is none."""
        sent = self._segments(path)
        for named, route in self._by_size.get(len(sent), ()):
            if route.method == method and _fits(named, sent):
                return route, {name[1:-1]: value for name, value in zip(named, sent, strict=True) if _is_variable(name)}
        return None

    def _segments(self, path: str) -> Segments:
        """The path taken apart, with one slash between segments (clients double them, platform.md 1.1)."""
        plain = _apart(path)
        for pattern in self._rest:
            found = pattern.fullmatch(path)
            doubled = found and found[2].startswith("/")  # a value that begins with a slash, and no client's own
            if found and (doubled or not self._is_known(plain)):
                return [*_apart(found[1]), found[2]]
        return plain

    def _is_known(self, sent: Segments) -> bool:
        return any(_fits(named, sent) for named, _ in self._by_size.get(len(sent), ()))


def _specificity(route: Route) -> tuple[int, str]:
    return route.path.count("{"), route.path


def _apart(path: str) -> Segments:
    return re.sub("//+", "/", path).split("/")


def _fits(named: Segments, sent: Segments) -> bool:
    return all(bool(value) if _is_variable(name) else name == value for name, value in zip(named, sent, strict=True))


def _is_variable(name: str) -> bool:
    return name.startswith("{")


def _followed(named: Segments) -> re.Pattern[str]:
    segments = ("[^/]+" if _is_variable(name) else re.escape(name) for name in named)
    return re.compile(f"({'/+'.join(segments)})/(.+)", re.DOTALL)

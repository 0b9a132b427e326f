"""The path of a request as a router can take it apart.

API Gateway's HTTP APIs hand the path over decoded, so that a slash which a client encoded looks like any other. Where a
route says so (`rest`), its last variable holds whatever follows, slashes included; any other route that fits comes first.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from usance.entrypoints.http.routes import Route

_ROUTABLE: Final = "/-._~()'!*:@,;=+&$<> []{}|^"  # what the router takes for part of a segment as it is
_VARIABLE: Final = re.compile(r"\{\w+\}")


class Paths:
    """Of some routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._plain = [_pattern(route.path) for route in routes]
        self._rest = [_pattern(route.path.rpartition("/")[0], rest=True) for route in routes if route.rest]

    def routable(self, path: str) -> str:
        """The path with one slash between segments (clients double them, platform.md 1.1), and each segment encoded."""
        single = re.sub("//+", "/", path)
        for pattern in self._rest:
            found = pattern.fullmatch(path)
            doubled = found and found[2].startswith("/")  # a value that begins with a slash, and no client's own
            if found and (doubled or not any(plain.fullmatch(single) for plain in self._plain)):
                return f"{_encoded(re.sub('//+', '/', found[1]))}/{quote(found[2], safe='')}"
        return _encoded(single)


def _encoded(path: str) -> str:
    return quote(path, safe=_ROUTABLE)


def _pattern(path: str, *, rest: bool = False) -> re.Pattern[str]:
    segments = ("[^/]+" if _VARIABLE.fullmatch(segment) else re.escape(segment) for segment in path.split("/"))
    return re.compile(f"({'/+'.join(segments)})" + ("/(.+)" if rest else ""), re.DOTALL)

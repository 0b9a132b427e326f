"""Writes docs/compatibility.md: every method of the official SDK, and whether a mounted route answers it.

The methods come from the installed SDK, the routes from the functions, the differences from compatibility.toml.
"""

import argparse
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.conformance.methods import SYNC, methods
from tools.openapi import routes

TARGET: Final = Path("docs/compatibility.md")
NOTES: Final = Path("tools/compatibility.toml")
_CALL: Final = re.compile(r"self\._(get|post|put|delete|get_api_list)\(\s*f?\"([^\"]+)\"")
_LIST: Final = "get_api_list"
_HELPERS: Final = {"usage/usage.submit_all": "usage/usage.submit"}  # a method that calls another one
_PARAMETER: Final = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the SDK and the request that it makes."""

    name: str
    verb: str
    path: str


def sdk_methods() -> Iterator[Method]:
    """Every method, by name."""
    found = {name: getattr(class_, own) for class_, own, name in methods(SYNC)}
    for name in sorted(found):
        call = _CALL.search(inspect.getsource(inspect.unwrap(found[_HELPERS.get(name, name)])))
        if call is None:
            raise LookupError(f"the request of {name} is not to be seen in its source")
        verb, path = call.groups()
        yield Method(name, "GET" if verb == _LIST else verb.upper(), path)


def text() -> str:
    """The document."""
    differs: dict[str, str] = tomllib.loads(NOTES.read_text(encoding="utf-8"))["differs"]
    mounted = {(route.method, _shape(route.path)) for route in routes()}
    every = list(sdk_methods())
    unknown = sorted(differs.keys() - {method.name for method in every})
    if unknown:
        raise LookupError(f"{NOTES} names what the SDK does not have: {', '.join(unknown)}")
    answered = [method for method in every if (method.verb, _shape(method.path)) in mounted]
    rows = [_row(method, method in answered, differs.get(method.name)) for method in every]
    return "\n".join([*_head(len(answered), len(every), len(differs)), *rows, ""])


def _head(answered: int, every: int, differing: int) -> list[str]:
    return [
        "# Compatibility",
        "",
        "<!-- Written by tools/compatibility.py (make compatibility). -->",
        "",
        f"Of the {every} operations of the official SDK {version('m3ter')}, {answered} are answered, {differing} of them",
        "with a difference. Every method is called by the conformance tests, with the synchronous and the asynchronous client,",
        "and with the SDK's strict validation of answers where its own types are right; a run of all tests fails when one is not.",
        "",
        "Of every list: a filter takes up to 200 values. A page with a token is never empty. A request that finds",
        "nothing to show for 18 seconds, because a filter or a policy leaves everything out, is refused (400), so that no list seems to",
        "end early; so is one whose filters each match very many entities when hardly any matches them all.",
        "",
        "| method | request | |",
        "|---|---|---|",
    ]


def _row(method: Method, answered: bool, difference: str | None) -> str:  # noqa: FBT001 - one of a row's three values
    path = re.sub(r"\{(\w+)\}", lambda found: "{" + _camel(found[1]) + "}", method.path)
    state = "not answered" if not answered else f"differs: {difference}" if difference else "works"
    return f"| `{method.name.rpartition('/')[2]}` | `{method.verb} {path.removeprefix('/organizations/{orgId}')}` | {state} |"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _shape(path: str) -> str:
    return _PARAMETER.sub("{}", path)


def main() -> int:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help=f"fail when {TARGET} is not what would be written")
    arguments = parser.parse_args()
    written = text()
    if not arguments.check:
        TARGET.write_text(written, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") != written:
        sys.stderr.write(f"{TARGET} is not what the SDK and the routes say: run make compatibility\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

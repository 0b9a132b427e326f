"""Routes as data: what a function mounts, what the API description says, what the template must route."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from usance.domain.access import Caller
from usance.domain.kernel.errors import InvalidInputError
from usance.resources import wire
from usance.resources.fields import day_text, instant_text
from usance.resources.wire import Document

if TYPE_CHECKING:  # most functions mount no row of the registry
    from usance.resources.resource import Resource


DIGITS_MAX: Final = 9  # of a number in a query


@dataclass(frozen=True, slots=True)
class Request:
    """A request of an authenticated caller. `query` holds every value of a parameter as it was sent.

    Names of `headers` are in lower case.
    """

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""  # the scheme and host that the client called

    def json_object(self) -> Document:
        """The body as an object; `{}` when there is none (platform.md 1.2)."""
        if not self.body.strip():
            return {}
        value = wire.loads(self.body)
        if not isinstance(value, dict):
            raise InvalidInputError("the body must be a JSON object")
        return value

    def one(self, name: str) -> str | None:
        """The single value of a query parameter; None when it is absent or empty."""
        values = [value for value in self.query.get(name, ()) if value]
        if len(values) > 1:
            raise InvalidInputError(f"the query parameter {name} takes one value")
        return values[0] if values else None

    def many(self, name: str) -> Sequence[str]:
        """The values of a query parameter that is a list: repeated and comma-joined mean the same (platform.md 1.4)."""
        return [part for value in self.query.get(name, ()) for part in value.split(",") if part]


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A query parameter as the API description shows it. `schema` is JSON Schema."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What the API description says of a route. `returns` None means an object without a named model.

    The parameters of a `paged` list are those of `query` and, unless it has a `pageSize` of its own, `page_parameters`.
    """

    id: str
    summary: str
    tag: str
    body: type[BaseModel] | None = None
    returns: type[BaseModel] | None = None
    query: tuple[QueryParameter, ...] = ()
    paged: bool = False
    page_size_max: int = 100  # of a list
    array: bool = False  # several are answered, without pages
    resource: "Resource | None" = None  # the row whose entity is answered, instead of `returns`


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: `path` with `{name}` segments, `handle` returns a JSON value (answered with 200).

    `rest`: what the last segment names may hold slashes.
    """

    method: str
    path: str
    handle: Callable[[Request], Any]
    operation: Operation
    rest: bool = False


def paging(request: Request, *, largest: int = 100) -> tuple[int, str | None]:
    """`pageSize` and `nextToken` (platform.md 1.3). The default size, our choice, is 100 or the smaller maximum."""
    text = request.one("pageSize")
    size = min(100, largest)
    if text is not None:
        size = whole("pageSize", text, 1, largest)
    return size, request.one("nextToken")


def whole(name: str, text: str, least: int, most: int) -> int:
    """A whole number of a query parameter, in digits alone."""
    digits = text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX
    if not digits or not least <= int(text) <= most:
        raise InvalidInputError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def page_parameters(largest: int) -> tuple[QueryParameter, ...]:
    """What `paging` takes, as the description shows it."""
    size = QueryParameter(
        "pageSize",
        f"How many to answer; {min(100, largest)} when left out.",
        {"type": "integer", "minimum": 1, "maximum": largest},
    )
    return size, QueryParameter("nextToken", "The token of the page before; leave it out for the first page.")


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean query parameter: `true` or `false`."""
    text = request.one(name)
    if text is None:
        return default
    if text.lower() not in {"true", "false"}:
        raise InvalidInputError(f"{name} must be true or false")
    return text.lower() == "true"


def day(request: Request, name: str) -> date | None:
    """A query parameter that is a date; of a date-time its date."""
    text = _checked(request, name, day_text)
    return date.fromisoformat(text) if text else None


def moment(request: Request, name: str) -> str | None:
    """A query parameter that is a date or date-time, as it was sent."""
    return _checked(request, name, instant_text)


def _checked(request: Request, name: str, check: Callable[[str], str]) -> str | None:
    text = request.one(name)
    if text is None:
        return None
    try:
        return check(text)
    except ValueError as refused:
        raise InvalidInputError(f"{name} {refused}") from None

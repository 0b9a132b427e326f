"""Searches over accounts and commitments (platform.md 1.11)."""

from collections.abc import Callable
from typing import Final

from usance.application.entities.ports import EntityPorts
from usance.application.search.search_entities import Search, Searchable, search_entities
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route
from usance.resources.account import ACCOUNT
from usance.resources.commitment import COMMITMENT
from usance.resources.wire import Document

PAGE_DEFAULT: Final = 10
PAGE_MAX: Final = 100
FROM_MAX: Final = 1_000_000
_AUDIT: Final = frozenset({"id", "ids", "createdBy", "dtCreated", "lastModifiedBy"})

ACCOUNTS: Final = Searchable(
    ACCOUNT,
    _AUDIT | {"name", "code", "codes", "currency", "purchaseOrderNumber", "parentAccountId"},
    {"id": "id", "code": "code", "parentAccountId": "parentAccountId"},
)
COMMITMENTS: Final = Searchable(
    COMMITMENT,
    _AUDIT | {"startDate", "endDate", "contractId", "accountId", "productId", "productIds"},
    {"id": "id", "accountId": "accountId", "contractId": "contractId", "productIds": "productId"},
)


def routes(ports: Callable[[], EntityPorts]) -> tuple[Route, ...]:
    """The routes of this module."""
    return tuple(_route(searchable, ports) for searchable in (ACCOUNTS, COMMITMENTS))


def _route(searchable: Searchable, ports: Callable[[], EntityPorts]) -> Route:
    resource = searchable.resource

    def search(request: Request) -> Document:
        return search_entities(ports(), request.caller, searchable, _search(request))

    return Route(
        "GET",
        f"/organizations/{{orgId}}/{resource.path}/search",
        search,
        Operation(
            f"{resource.type}.search",
            f"Search: {resource.title.lower()}",
            resource.title,
            query=_parameters(", ".join(sorted(searchable.fields))),
            paged=True,
            resource=resource,
        ),
    )


def _search(request: Request) -> Search:
    return Search(
        query=",".join(request.query.get("searchQuery", ())),  # commas are part of a query
        any_term=_choice(request, "operator", "AND", "OR") == "OR",
        sort_by=request.one("sortBy"),
        descending=_choice(request, "sortOrder", "ASC", "DESC") == "DESC",
        page_size=_whole(request, "pageSize", PAGE_DEFAULT, 1, PAGE_MAX),
        from_document=_whole(request, "fromDocument", 0, 0, FROM_MAX),
    )


def _choice(request: Request, name: str, *choices: str) -> str:
    value = (request.one(name) or choices[0]).upper()
    if value not in choices:
        raise InvalidInputError(f"{name} must be {' or '.join(choices)}")
    return value


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.one(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:9]) <= most:
        raise InvalidInputError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _parameters(fields: str) -> tuple[QueryParameter, ...]:
    return (
        QueryParameter(
            "searchQuery",
            "Terms joined by `$`, each a field, one of `>` `>=` `:` `<` `<=` `~` (begins with) and a value, such as "
            f"`name~Acme$currency:USD`. Fields: {fields}.",
        ),
        QueryParameter("operator", "Whether all terms must hold or any.", {"type": "string", "enum": ["AND", "OR"]}),
        QueryParameter("sortBy", "A field to sort by; without it, newest first."),
        QueryParameter("sortOrder", "The order of `sortBy`.", {"type": "string", "enum": ["ASC", "DESC"]}),
        QueryParameter(
            "pageSize",
            f"How many to answer; {PAGE_DEFAULT} when left out.",
            {"type": "integer", "minimum": 1, "maximum": PAGE_MAX},
        ),
        QueryParameter(
            "fromDocument",
            "How many matches to pass over: the `nextToken` of the page before.",
            {"type": "integer", "minimum": 0, "maximum": FROM_MAX},
        ),
    )

"""Searches over accounts and commitments (platform.md 1.11)."""

from collections.abc import Callable
from typing import Final

from usance.application.entities.ports import EntityPorts
from usance.application.search.search_entities import Searchable, search_entities
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.entrypoints.http.search_parameters import search_of, search_parameters
from usance.resources.account import ACCOUNT
from usance.resources.commitment import COMMITMENT
from usance.resources.wire import Document

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
        return search_entities(ports(), request.caller, searchable, search_of(request))

    return Route(
        "GET",
        f"/organizations/{{orgId}}/{resource.path}/search",
        search,
        Operation(
            f"{resource.type}.search",
            f"Search: {resource.title.lower()}",
            resource.title,
            query=search_parameters(searchable.fields),
            paged=True,
            resource=resource,
        ),
    )

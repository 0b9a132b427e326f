"""Ending what an account or a contract has (billing.md 5.4)."""

from collections.abc import Callable

from usance.application.end_dating.end_date_entities import end_date_entities
from usance.application.entities.ports import EntityPorts
from usance.entrypoints.http.routes import Operation, Request, Route
from usance.resources.account import ACCOUNT
from usance.resources.answers import EndDated
from usance.resources.contract import CONTRACT
from usance.resources.end_dating import EndDating
from usance.resources.resource import Resource
from usance.resources.wire import Document


def routes(ports: Callable[[], EntityPorts]) -> tuple[Route, ...]:
    """The routes of this module."""
    return tuple(_route(resource, ports) for resource in (ACCOUNT, CONTRACT))


def _route(resource: Resource, ports: Callable[[], EntityPorts]) -> Route:
    def end(request: Request) -> Document:
        return end_date_entities(ports(), request.caller, resource, request.path["id"], request.json_object())

    return Route(
        "PUT",
        f"/organizations/{{orgId}}/{resource.path}/{{id}}/enddatebillingentities",
        end,
        Operation(
            f"{resource.type}.endDateBillingEntities",
            f"End what the {resource.title.lower()} has",
            resource.title,
            body=EndDating,
            returns=EndDated,
        ),
    )

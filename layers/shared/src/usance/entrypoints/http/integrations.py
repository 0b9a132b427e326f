"""Which integrations there are (platform.md 10.2); beyond the API of m3ter, to switch one off, and to send entities now."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel

from usance.application.entities.patch_entity import patch_entity
from usance.application.entities.ports import EntityPorts
from usance.application.integrations import describe_systems
from usance.application.integrations.send_now import send_now
from usance.application.notifications.stores import Stores
from usance.application.ports.bills import BillRepository
from usance.bootstrap.notifications import notification_stores, sent_bills
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route
from usance.resources.external_mapping import EXTERNAL_MAPPING
from usance.resources.integration_answers import (
    EntityName,
    ExternalSystem,
    ExternalValue,
    IntegrationRuns,
    Integrations,
    Mappable,
    OptionValue,
    SignInOption,
)
from usance.resources.integration_configuration import INTEGRATION_CONFIGURATION
from usance.resources.sends import SendRequest
from usance.resources.wire import Document

_CONFIGURATIONS: Final = f"/organizations/{{orgId}}/{INTEGRATION_CONFIGURATION.path}"
_MAPPINGS: Final = "/organizations/{orgId}/externalmappingconfiguration"
_TYPE: Final = QueryParameter("entityType", "Only what takes entities of this type.")
_SYSTEM: Final = QueryParameter("systemName", "Only this external system.")


def routes(
    ports: Callable[[], EntityPorts],
    build: Callable[[], Stores] = notification_stores,
    bills: Callable[[], BillRepository] = sent_bills,
) -> tuple[Route, ...]:
    """The routes of this module."""

    def disable(request: Request) -> Document:
        return patch_entity(ports(), request.caller, INTEGRATION_CONFIGURATION, request.path["id"], {"enabled": False})

    def send(request: Request) -> Document:
        return {"data": send_now(request.caller, request.path["id"], request.json_object(), build(), bills())}

    return (
        *_discovery(ports),
        Route(
            "POST",
            f"{_CONFIGURATIONS}/{{id}}/disable",
            disable,
            Operation(
                "integrationConfiguration.disable",
                "Disable an integration configuration",
                INTEGRATION_CONFIGURATION.title,
                resource=INTEGRATION_CONFIGURATION,
            ),
        ),
        Route(
            "POST",
            f"{_CONFIGURATIONS}/{{id}}/send",
            send,
            Operation(
                "integrationConfiguration.send",
                "Send entities to the external system now",
                INTEGRATION_CONFIGURATION.title,
                body=SendRequest,
                returns=IntegrationRuns,
            ),
        ),
    )


def _discovery(ports: Callable[[], EntityPorts]) -> tuple[Route, ...]:
    def available(request: Request) -> Document:
        system, entity_type = request.one("systemName"), request.one("entityType")
        return describe_systems.available(request.caller, ports().entities, system, entity_type)

    def systems(request: Request) -> list[Document]:
        return describe_systems.available_systems(request.caller, request.one("entityType"))

    def entities(request: Request) -> list[str]:
        return describe_systems.available_entities(request.caller, request.path["system"])

    def authentication(request: Request) -> list[Document]:
        system, entity_type = request.path["system"], request.path["entityType"]
        return describe_systems.available_authentication(request.caller, system, entity_type)

    def values(request: Request) -> list[Document]:
        return describe_systems.option_values(request.caller, request.path["system"], request.path["configOption"])

    def mappable(request: Request) -> Document:
        return describe_systems.mapping_configuration(request.caller)

    def mapping_values(request: Request) -> list[Document]:
        return describe_systems.mapping_values(request.caller)

    return (
        _get(
            f"{_CONFIGURATIONS}/available",
            available,
            "available",
            Integrations,
            "Integrations that can be configured",
            _SYSTEM,
            _TYPE,
            array=False,
        ),
        _get(
            f"{_CONFIGURATIONS}/available/systems",
            systems,
            "systems",
            ExternalSystem,
            "External systems with a connector",
            _TYPE,
        ),
        _get(
            f"{_CONFIGURATIONS}/available/{{system}}/entities",
            entities,
            "entities",
            EntityName,
            "Entities that a system takes",
        ),
        _get(
            f"{_CONFIGURATIONS}/available/{{system}}/auth/{{entityType}}",
            authentication,
            "authentication",
            SignInOption,
            "Ways to sign in to a system",
        ),
        _get(
            f"{_CONFIGURATIONS}/values/{{system}}/{{configOption}}",
            values,
            "optionValues",
            OptionValue,
            "What an option may be",
        ),
        _get(_MAPPINGS, mappable, "mappable", Mappable, "Entities and tables that can be mapped", array=False),
        _get(
            f"{_MAPPINGS}/values/{{destination}}/{{entityType}}",
            mapping_values,
            "mappingValues",
            ExternalValue,
            "Entities of an external system",
        ),
        _get(
            f"{_MAPPINGS}/values/{{destination}}/{{entityType}}/{{integrationCredentialsId}}",
            mapping_values,
            "mappingValuesOfCredentials",
            ExternalValue,
            "Entities of an external system, as its credentials see them",
        ),
    )


def _get(
    path: str,
    handle: Callable[[Request], Any],
    name: str,
    returns: type[BaseModel],
    summary: str,
    *query: QueryParameter,
    array: bool = True,
) -> Route:
    resource = EXTERNAL_MAPPING if path.startswith(_MAPPINGS) else INTEGRATION_CONFIGURATION
    operation = Operation(f"{resource.type}.{name}", summary, resource.title, returns=returns, query=query, array=array)
    return Route("GET", path, handle, operation)

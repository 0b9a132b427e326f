"""External mappings by one of our entities, and by an entity of an external system (platform.md 10.5)."""

from collections.abc import Callable
from typing import Final

from usance.application.entities.list_entities import ListQuery, list_entities
from usance.application.entities.ports import EntityPorts
from usance.entrypoints.http.routes import Operation, Request, Route, paging
from usance.resources.external_mapping import EXTERNAL_MAPPING, entity_key, external_key
from usance.resources.wire import Document

_PATH: Final = f"/organizations/{{orgId}}/{EXTERNAL_MAPPING.path}"


def routes(ports: Callable[[], EntityPorts]) -> tuple[Route, ...]:
    """The routes of this module."""

    def found(request: Request, index: str, value: str) -> Document:
        size, token = paging(request, largest=EXTERNAL_MAPPING.page_size_max)
        query = ListQuery(size, token, {index: [value]})
        page = list_entities(ports(), request.caller, EXTERNAL_MAPPING, query)
        return {"data": list(page.data), "nextToken": page.next_token}

    def by_entity(request: Request) -> Document:
        return found(request, "entity", entity_key(request.path["entity"], request.path["m3terId"]))

    def by_external(request: Request) -> Document:
        key = external_key(request.path["system"], request.path["externalTable"], request.path["externalId"])
        return found(request, "external", key)

    return (
        _route(
            f"{_PATH}/external/{{entity}}/{{m3terId}}",
            by_entity,
            "externalMapping.byEntity",
            "List the external mappings of one entity",
        ),
        _route(
            f"{_PATH}/externalid/{{system}}/{{externalTable}}/{{externalId}}",
            by_external,
            "externalMapping.byExternalEntity",
            "List the external mappings to one entity of an external system",
            rest=True,
        ),
    )


def _route(path: str, handle: Callable[[Request], Document], id_: str, summary: str, *, rest: bool = False) -> Route:
    operation = Operation(
        id_,
        summary,
        EXTERNAL_MAPPING.title,
        paged=True,
        page_size_max=EXTERNAL_MAPPING.page_size_max,
        resource=EXTERNAL_MAPPING,
    )
    return Route("GET", path, handle, operation, rest)

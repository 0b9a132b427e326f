"""Resource groups: their routes name the type of what they hold (platform.md 5)."""

from collections.abc import Callable
from typing import Any, Final

from usance.application.entities.create_entity import create_entity
from usance.application.entities.delete_entity import delete_entity
from usance.application.entities.get_entity import get_entity
from usance.application.entities.list_entities import ListQuery, list_entities
from usance.application.entities.ports import EntityPorts
from usance.application.entities.update_entity import update_entity
from usance.application.principals.add_to_group import add_to_group
from usance.application.principals.list_attached_policies import list_attached_policies
from usance.application.principals.list_group_contents import list_group_contents
from usance.application.principals.remove_from_group import remove_from_group
from usance.entrypoints.http.access import ORGANIZATION, envelope, paged, route
from usance.entrypoints.http.routes import Request, Route, paging
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.registry import BY_TYPE
from usance.resources.resource_group import RESOURCE_GROUP, GroupMember, GroupTarget, kind_of
from usance.resources.wire import Document

Ports = Callable[[], EntityPorts]

GROUPS: Final = f"{ORGANIZATION}/{RESOURCE_GROUP.path}"
TAG: Final = RESOURCE_GROUP.title
_GROUP: Final[dict[str, Any]] = {"tag": TAG, "resource": RESOURCE_GROUP}


def routes(ports: Ports) -> tuple[Route, ...]:
    """Every route of this module; the entities function mounts them."""
    return (*_groups(ports), *_contents(ports))


def _groups(ports: Ports) -> tuple[Route, ...]:
    def create(request: Request) -> Document:
        return create_entity(ports(), request.caller, RESOURCE_GROUP, request.json_object(), _place(request))

    def read(request: Request) -> Document:
        return get_entity(ports(), request.caller, RESOURCE_GROUP, request.path["id"], _place(request))

    def listing(request: Request) -> Document:
        size, token = paging(request)
        return envelope(list_entities(ports(), request.caller, RESOURCE_GROUP, ListQuery(size, token), _place(request)))

    def update(request: Request) -> Document:
        body = request.json_object()
        return update_entity(ports(), request.caller, RESOURCE_GROUP, request.path["id"], body, _place(request))

    def delete(request: Request) -> Document:
        return delete_entity(ports(), request.caller, RESOURCE_GROUP, request.path["id"], _place(request))

    one = f"{GROUPS}/{{id}}"
    return (
        route("POST", GROUPS, create, "createResourceGroup", "Create: resource group", body=RESOURCE_GROUP.model, **_GROUP),
        route("GET", GROUPS, listing, "listResourceGroups", "List: resource group", **_GROUP, **paged(100)),
        route("GET", one, read, "getResourceGroup", "Read: resource group", **_GROUP),
        route("PUT", one, update, "updateResourceGroup", "Replace: resource group", body=RESOURCE_GROUP.model, **_GROUP),
        route("DELETE", one, delete, "deleteResourceGroup", "Delete: resource group", **_GROUP),
    )  # fmt: skip


def _contents(ports: Ports) -> tuple[Route, ...]:
    def add(request: Request) -> Document:
        return add_to_group(ports(), request.caller, _kind(request), _group(request), request.json_object())

    def remove(request: Request) -> Document:
        return remove_from_group(ports(), request.caller, _kind(request), _group(request), request.json_object())

    def contents(request: Request) -> Document:
        size, token = paging(request)
        kind, group = _kind(request), _group(request)
        return envelope(list_group_contents(ports(), request.caller, kind, group, page_size=size, next_token=token))

    def permissions(request: Request) -> Document:
        size, token = paging(request)
        return envelope(
            list_attached_policies(
                ports(),
                request.caller,
                RESOURCE_GROUP,
                _group(request),
                _place(request),
                page_size=size,
                next_token=token,
            )
        )

    one = f"{GROUPS}/{{resourceGroupId}}"
    members: dict[str, Any] = {"tag": TAG, "returns": GroupMember, **paged(100)}
    policies: dict[str, Any] = {"tag": TAG, "resource": PERMISSION_POLICY, **paged(100)}
    return (
        route("POST", f"{one}/addresource", add, "addToResourceGroup", "Put something into a resource group", body=GroupTarget, **_GROUP),
        route("POST", f"{one}/removeresource", remove, "removeFromResourceGroup", "Take something out of a resource group", body=GroupTarget, **_GROUP),
        route("POST", f"{one}/contents", contents, "listResourceGroupContents", "List what a resource group holds", **members),
        route("GET", f"{one}/contents", contents, "readResourceGroupContents", "List what a resource group holds, without a body", **members),
        route("GET", f"{one}/permissions", permissions, "listResourceGroupPermissions", "List the policies attached to a user group", **policies),
    )  # fmt: skip


def _kind(request: Request) -> str:
    return kind_of(request.path["type"], BY_TYPE)


def _place(request: Request) -> dict[str, str]:
    return {"type": _kind(request)}


def _group(request: Request) -> str:
    return request.path["resourceGroupId"]

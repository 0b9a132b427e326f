"""Finds an entity that a request names, in the organization and, where it lives in another entity, in that one."""

from collections.abc import Mapping

from usance.application.access.authorize import require_undenied
from usance.application.entities.ports import EntityPorts
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.resource import Resource
from usance.resources.wire import Document

NOWHERE: Mapping[str, str] = {}
"""The place of an entity that lives in no other."""


def find(ports: EntityPorts, org_id: str, resource: Resource, id_: str, place: Mapping[str, str] = NOWHERE) -> Document:
    """The entity; `NotFoundError` when there is none of that id, or it lives elsewhere than at `place`."""
    document = ports.entities.get(org_id, resource.type, id_)
    if document is None or any(document.get(field) != value for field, value in place.items()):
        raise NotFoundError(f"there is no {resource.type} {id_[:100]}")
    return document


def require_open(caller: Caller, resource: Resource, place: Mapping[str, str], *, changing: bool = False) -> None:
    """`ForbiddenError` when the entity that one lives in is denied to the caller, or, `changing` it, to be updated."""
    if resource.within is not None:
        further = (Action.CONFIG_UPDATE,) if changing else ()
        require_undenied(caller, resource.within.type, place[resource.within.field], *further)


def require_place(
    ports: EntityPorts, caller: Caller, resource: Resource, place: Mapping[str, str], *, changing: bool = False
) -> None:
    """`NotFoundError` when the entity that others live in is not there, `ForbiddenError` as `require_open` has it."""
    require_open(caller, resource, place, changing=changing)
    if resource.within is not None:
        id_ = place[resource.within.field]
        if ports.entities.get(caller.org_id, resource.within.type, id_) is None:
            raise NotFoundError(f"there is no {resource.within.type} {id_[:100]}")

"""Read one entity of any resource."""

from usance.application.access.authorize import require
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.resource import Resource
from usance.resources.wire import Document


def get_entity(ports: EntityPorts, caller: Caller, resource: Resource, id_: str) -> Document:
    """The entity as of now; `NotFoundError` when the organization has none of that id."""
    require(caller, Action.CONFIG_RETRIEVE, resource.type, id_)
    document = ports.entities.get(caller.org_id, resource.type, id_)
    if document is None:
        raise NotFoundError(f"there is no {resource.type} {id_[:100]}")
    return shown(ports, caller, resource, [document])[0]

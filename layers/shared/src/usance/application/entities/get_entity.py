"""Read one entity of any resource."""

from collections.abc import Iterable, Mapping

from usance.application.access.authorize import require
from usance.application.entities.find import NOWHERE, find, require_open
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.domain.access import Action, Caller
from usance.resources.resource import Resource
from usance.resources.wire import Document


def get_entity(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    id_: str,
    place: Mapping[str, str] = NOWHERE,
    additional: Iterable[str] = (),
) -> Document:
    """The entity as of now, with what `additional` asks for; `NotFoundError` when the organization has none of that id."""
    require(caller, Action.CONFIG_RETRIEVE, resource.type, id_)
    require_open(caller, resource, place)
    document = find(ports, caller.org_id, resource, id_, place)
    return shown(ports, caller, resource, [document], additional)[0]

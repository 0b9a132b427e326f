"""Create an entity of any resource."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.entities.find import NOWHERE, require_place
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.entities.store import store
from usance.domain.access import Action, Caller
from usance.resources.resource import Resource
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document


def create_entity(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    body: Mapping[str, Any],
    place: Mapping[str, str] = NOWHERE,
) -> Document:
    """The new entity, at version 1.

    `InvalidInputError` for a field, a reference or a rule; `DuplicateCodeError` for a code that is taken.
    """
    require(caller, Action.CONFIG_CREATE, resource.type)
    require_place(ports, caller, resource, place, changing=True)
    document = created(
        {**document_of(validated(resource.model, body)), **place}, ports.ids.new(), caller.audit_name, ports.clock.now()
    )
    return shown(ports, caller, resource, [store(ports, caller.org_id, resource, document, None)])[0]

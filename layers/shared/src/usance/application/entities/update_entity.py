"""Replace an entity of any resource."""

from collections.abc import Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.audit import check_version, updated
from usance.application.entities.find import NOWHERE, find, require_open
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.entities.store import store
from usance.domain.access import Action, Caller
from usance.resources.resource import Resource
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document


def update_entity(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    id_: str,
    body: Mapping[str, Any],
    place: Mapping[str, str] = NOWHERE,
) -> Document:
    """The entity at its next version: what `body` leaves out is cleared (platform.md 1.7).

    `body` must hold the current `version`; `VersionConflictError` when the entity has moved on.
    """
    require(caller, Action.CONFIG_UPDATE, resource.type, id_)
    require_open(caller, resource, place, changing=True)
    old = find(ports, caller.org_id, resource, id_, place)
    document = {**document_of(validated(resource.model, body)), **place}
    check_version(body.get("version"), old, resource.type)
    new = updated(document, old, caller.audit_name, ports.clock.now())
    return shown(ports, caller, resource, [store(ports, caller.org_id, resource, new, old)])[0]

"""Change a few fields of an entity, for calls that carry no version (platform.md 1.6)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import updated
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.entities.store import store
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError, UnavailableError, VersionConflictError
from usance.resources.resource import Resource
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 4  # others may change the entity in between


def patch_entity(
    ports: EntityPorts, caller: Caller, resource: Resource, id_: str, changes: Mapping[str, Any]
) -> Document:
    """The entity at its next version, with `changes` and everything else as it was."""
    require(caller, Action.CONFIG_UPDATE, resource.type, id_)
    for attempt in range(ATTEMPTS_MAX):
        old = ports.entities.get(caller.org_id, resource.type, id_)
        if old is None:
            raise NotFoundError(f"there is no {resource.type} {id_[:100]}")
        kept = {name: value for name, value in old.items() if name not in {"id", "version"}}
        new = updated({**kept, **changes}, old, caller.audit_name, ports.clock.now())
        try:
            stored = store(ports, caller.org_id, resource, new, old)
        except VersionConflictError:
            if attempt + 1 < ATTEMPTS_MAX:
                ports.pause(attempt)
            continue
        return shown(ports, caller, resource, [stored])[0]
    raise UnavailableError(f"the {resource.type} {id_} keeps changing; repeat the request")

"""Delete an entity of any resource that nothing stands on."""

from collections.abc import Mapping
from typing import Final

from usance.application.access.authorize import require
from usance.application.access.groups import leave_groups
from usance.application.entities.dependants import refuse_deletion
from usance.application.entities.find import NOWHERE, find, require_open
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.entities.store import ATTEMPTS_MAX, PAUSES_MAX
from usance.application.entities.wide_references import GUARDED, deletion_guard
from usance.application.ports.entities import Claim, Delete, StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import UnavailableError
from usance.resources.resource import Resource, values_at
from usance.resources.wire import Document

PARTS_AT_ONCE: Final = 10  # a transaction holds 100 rows; a part has one of its own and a few by which it is found


def delete_entity(
    ports: EntityPorts, caller: Caller, resource: Resource, id_: str, place: Mapping[str, str] = NOWHERE
) -> Document:
    """The entity as it was. `InvalidInputError` names those that still refer to it.

    Where others may refer to it, it is claimed first: from then on no entity can be created that refers to it, so what
    the search for dependants does not find cannot appear. Its parts go after it: should that be interrupted, what
    is left of them cannot be reached.
    """
    require(caller, Action.CONFIG_DELETE, resource.type, id_)
    require_open(caller, resource, place, changing=True)
    document = find(ports, caller.org_id, resource, id_, place)
    answer = shown(ports, caller, resource, [document])[0]
    if not resource.dependants and not resource.parts:
        ports.entities.commit(caller.org_id, [Delete(resource.type, id_, document["version"])])
        leave_groups(ports.entities, caller.org_id, id_)
        return answer
    claim = ports.entities.claim_deletion(caller.org_id, resource.type, id_)
    try:
        _delete_unused(ports, caller.org_id, resource, document, claim)
    except BaseException:
        ports.entities.release_deletion(caller.org_id, claim)
        raise
    _delete_parts(ports, caller.org_id, resource, document)
    leave_groups(ports.entities, caller.org_id, id_)
    return answer


def _delete_unused(ports: EntityPorts, org_id: str, resource: Resource, document: Document, claim: Claim) -> None:
    """Delete what nothing refers to; look again when somebody referred to many of the type meanwhile."""
    for attempt in range(ATTEMPTS_MAX):
        guards = (deletion_guard(ports.entities, org_id, resource.type),) if resource.type in GUARDED else ()
        refuse_deletion(ports.entities, org_id, resource, document)
        try:
            ports.entities.commit(org_id, [Delete(claim.type, claim.id, document["version"], claim, guards)])
        except StaleGuardError:
            if attempt + 1 < ATTEMPTS_MAX:
                ports.pause(min(attempt, PAUSES_MAX))
            continue
        return
    raise UnavailableError(f"others keep changing what refers to resources of type {resource.type}; repeat the request")


def _delete_parts(ports: EntityPorts, org_id: str, resource: Resource, document: Document) -> None:
    for part in resource.parts:
        filters = {part.index: values_at(document, part.path)}
        while found := ports.entities.list_page(org_id, part.type, filters=filters, page_size=PARTS_AT_ONCE).data:
            ports.entities.commit(org_id, [Delete(part.type, one["id"]) for one in found])

"""Delete an entity of any resource that nothing stands on."""

from typing import Final

from usance.application.access.authorize import require
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.ports.entities import Claim, Delete
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.resource import Resource, values_at
from usance.resources.wire import Document

NAMED_MAX: Final = 5  # dependants named in a refusal


def delete_entity(ports: EntityPorts, caller: Caller, resource: Resource, id_: str) -> Document:
    """The entity as it was. `InvalidInputError` names those that still refer to it.

    Where others may refer to it, it is claimed first: from then on no entity can be created that refers to it, so what
    the search for dependants does not find cannot appear.
    """
    require(caller, Action.CONFIG_DELETE, resource.type, id_)
    document = ports.entities.get(caller.org_id, resource.type, id_)
    if document is None:
        raise NotFoundError(f"there is no {resource.type} {id_[:100]}")
    answer = shown(ports, caller, resource, [document])[0]
    if not resource.dependants:
        ports.entities.commit(caller.org_id, [Delete(resource.type, id_, document["version"])])
        return answer
    claim = ports.entities.claim_deletion(caller.org_id, resource.type, id_)
    try:
        _refuse_dependants(ports, caller.org_id, resource, document)
        ports.entities.commit(caller.org_id, [_delete(claim, document)])
    except BaseException:
        ports.entities.release_deletion(caller.org_id, claim)
        raise
    return answer


def _delete(claim: Claim, document: Document) -> Delete:
    return Delete(claim.type, claim.id, document["version"], claim)


def _refuse_dependants(ports: EntityPorts, org_id: str, resource: Resource, document: Document) -> None:
    for dependant in resource.dependants:
        values = values_at(document, dependant.path)
        if not values:
            continue
        found = ports.entities.list_page(
            org_id, dependant.type, filters={dependant.index: values}, page_size=NAMED_MAX
        ).data
        if found:
            named = ", ".join(str(one.get("code") or one.get("name") or one["id"]) for one in found)
            raise InvalidInputError(
                f"the {resource.type} is used by {dependant.type} {named}; delete or change those first"
            )

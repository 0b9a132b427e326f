"""Credentials inside an entity: stored encrypted beside the document, shown to those who may change it (platform.md Q4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from usance.application.access.authorize import permitted
from usance.application.entities.gather import gather
from usance.application.entities.ports import EntityPorts
from usance.domain.access import Action, Caller
from usance.domain.catalog.proposal import Entity
from usance.domain.kernel.ids import derived_id
from usance.resources import wire
from usance.resources.resource import Addition, Resource
from usance.resources.wire import Document

SEALED: Final = "sealed"


def seal(ports: EntityPorts, resource: Resource, entity: Entity) -> tuple[Document, Mapping[str, str] | None]:
    """The document without its secret texts, and these encrypted for the private part (None: that stays as it is)."""
    document = dict(entity)
    if resource.sealed_as:
        return _seal_whole(ports, resource, document)
    holder: Document = document.get(resource.sealed) or {}
    texts = {name: holder[name] for name in resource.sealed_texts if name in holder}
    if not texts:
        return document, None
    document[resource.sealed] = {name: value for name, value in holder.items() if name not in texts}
    return document, {SEALED: ports.secrets.seal(wire.dumps(texts).decode(), context=document["id"])}


def _seal_whole(
    ports: EntityPorts, resource: Resource, document: Document
) -> tuple[Document, Mapping[str, str] | None]:
    """The document with an id in place of what is sealed. Without that id, what was sealed before is forgotten."""
    own = derived_id(document["id"], resource.sealed)
    holder = document.pop(resource.sealed, None)
    if holder is None:
        return document, None if document.get(resource.sealed_as) == own else {}
    document[resource.sealed_as] = own
    return document, {SEALED: ports.secrets.seal(wire.dumps(holder).decode(), context=document["id"])}


def unseal(ports: EntityPorts, org_id: str, resource: Resource, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Per id, the secret texts of an entity, decrypted. For callers that have been authorized, and for signing."""
    private = ports.entities.get_private(org_id, resource.type, ids)
    return {
        id_: wire.loads(ports.secrets.open(kept[SEALED], context=id_))
        for id_, kept in private.items()
        if SEALED in kept
    }


def shown(
    ports: EntityPorts,
    caller: Caller,
    resource: Resource,
    documents: Iterable[Document],
    additional: Iterable[str] = (),
) -> Sequence[Document]:
    """The documents as the caller may see them: with their secret texts where the caller may update the entity.

    Fields that follow from other entities are as these are now; `additional` names more of them.
    """
    wanted = [resource.additional[name] for name in dict.fromkeys(additional) if name in resource.additional]
    answer = [_completed(ports, caller, resource, document, wanted) for document in documents]
    if not resource.sealed_texts:
        return answer
    ids = [document["id"] for document in answer]
    trusted = permitted(caller, Action.CONFIG_UPDATE, resource.type, ids)
    texts = unseal(ports, caller.org_id, resource, sorted(trusted))
    return [
        {**document, resource.sealed: {**document.get(resource.sealed, {}), **texts.get(document["id"], {})}}
        for document in answer
    ]


def _completed(
    ports: EntityPorts, caller: Caller, resource: Resource, document: Document, additions: Iterable[Addition]
) -> Document:
    if resource.derived is not None:
        document = {
            **document,
            **resource.derived(gather(ports.entities, caller.org_id, resource.related, document, None)),
        }
    for addition in additions:
        document = {**document, **_added(ports, caller, addition, document)}
    return document


def _added(ports: EntityPorts, caller: Caller, addition: Addition, document: Document) -> Mapping[str, Any]:
    """The fields of an addition, without those of entities that the caller may not read."""
    proposal = gather(ports.entities, caller.org_id, addition.related, document, None)
    found = proposal.many(addition.shown)
    type_ = next(one.type for one in addition.related if one.name == addition.shown)
    may = permitted(caller, Action.CONFIG_RETRIEVE, type_, [entity["id"] for entity in found])
    open_ = [entity for entity in found if entity["id"] in may]
    return addition.rule(replace(proposal, related={**proposal.related, addition.shown: open_}))

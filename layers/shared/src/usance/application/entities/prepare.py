"""From a document to the change that stores it: gathered, judged by the rules, completed and sealed."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from usance.application.entities.dependants import refuse_renaming
from usance.application.entities.gather import gather
from usance.application.entities.ports import EntityPorts
from usance.application.entities.puts import entity_put
from usance.application.entities.sealing import seal
from usance.application.entities.wide_references import with_wide_references
from usance.application.ports.entities import Put
from usance.domain.catalog.proposal import Entity
from usance.resources.resource import Resource
from usance.resources.wire import Document


def prepare(
    ports: EntityPorts,
    org_id: str,
    resource: Resource,
    new: Document,
    old: Document | None,
    *,
    beside: Sequence[Document] = (),
) -> Put:
    """The change that makes `old` into `new`. `InvalidInputError` when a rule refuses it.

    The rules see the entities `beside`, which the same transaction is going to change, as they will be.
    """
    guards = tuple(
        replace(ports.entities.read_guard(org_id, name), holds=holds) for name, holds in _guarded(resource, new, old)
    )
    if old is not None:
        refuse_renaming(ports.entities, org_id, resource, new, old)
    proposal = gather(ports.entities, org_id, resource.related, new, old)
    if beside:
        ahead = {entity["id"]: entity for entity in beside}
        related = {
            name: [ahead.get(entity["id"], entity) for entity in found] for name, found in proposal.related.items()
        }
        proposal = replace(proposal, related=related)
    for rule in resource.rules:
        completed = {**proposal.new, **rule(proposal)}
        proposal = replace(proposal, new={name: value for name, value in completed.items() if value is not None})
    if (url := _new_text(resource.reaches, new, old)) is not None:
        ports.check_url(url)
    if (expression := _new_text(resource.mapping, new, old)) is not None:
        ports.check_mapping(expression)
    if resource.query and (query := resource.query(proposal)):
        ports.try_query(query)
    document, private = seal(ports, resource, proposal.new)
    change = entity_put(resource, replace(proposal, new=document), private, guards)
    return with_wide_references(ports.entities, org_id, change)


def _new_text(find: Callable[[Entity], str | None] | None, new: Document, old: Document | None) -> str | None:
    """What is found in the entity and was not there before; None where nothing is."""
    found = find(new) if find else None
    return None if find is None or (old is not None and find(old) == found) else found


def _guarded(resource: Resource, new: Document, old: Document | None) -> Sequence[tuple[str, bool]]:
    """The names of the resource's serial changes, and which are only held.

    Nobody can be a rival for an entity that does not exist yet.
    """
    return sorted(
        {
            (f"{serial.scope} {value}", serial.holds)
            for serial in resource.serial
            if old is not None or serial.path != "id"
            for entity in ((new,) if old is None else (new, old))
            for value in serial.values(entity)
        }
    )

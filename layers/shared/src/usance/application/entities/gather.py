"""Reads what the rules of a resource want to see beside the entity itself."""

from collections.abc import Mapping, Sequence

from usance.application.ports.entities import EntityRepository
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.resource import ORGANIZATION, Related, values_at
from usance.resources.wire import Document


def gather(
    entities: EntityRepository, org_id: str, wanted_entities: Sequence[Related], new: Document, old: Document | None
) -> Proposal:
    """The proposal with its related entities. `InvalidInputError` when the entity refers to one that is not there."""
    related: dict[str, Sequence[Entity]] = {}
    for wanted in wanted_entities:
        if wanted.find:
            related[wanted.name] = _matching(entities, org_id, wanted, wanted.find(Proposal(new, old, related)))
        elif wanted.id_at:
            related[wanted.name] = _one(entities, org_id, wanted, new, related)
        else:
            where = {index: values_at(new, path) for index, path in wanted.where.items()}
            related[wanted.name] = _matching(entities, org_id, wanted, where)
    return Proposal(new, old, related)


def _one(
    entities: EntityRepository, org_id: str, wanted: Related, new: Document, related: Mapping[str, Sequence[Entity]]
) -> Sequence[Entity]:
    first, _, rest = wanted.id_at.partition(".")
    if wanted.id_at == ORGANIZATION:
        ids = [org_id]
    elif first in related:
        ids = [value for entity in related[first] for value in values_at(entity, rest)]
    else:
        ids = values_at(new, wanted.id_at)
    found = entities.get_many(org_id, wanted.type, ids)
    if len(found) < len(ids) and first not in related:
        raise InvalidInputError(f"{wanted.id_at}: there is no {wanted.type} {ids[0]}")
    return found


def _matching(
    entities: EntityRepository, org_id: str, wanted: Related, filters: Mapping[str, Sequence[str]]
) -> Sequence[Entity]:
    if not all(filters.values()):
        return ()
    return entities.list_all(org_id, wanted.type, filters=filters)

"""What others name an entity by stays as long as any of them does."""

from collections.abc import Iterator
from typing import Final

from usance.application.ports.entities import EntityRepository
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.resource import Dependant, Resource, values_at
from usance.resources.wire import Document

NAMED_MAX: Final = 5  # dependants named in a refusal


def refuse_deletion(entities: EntityRepository, org_id: str, resource: Resource, document: Document) -> None:
    """`InvalidInputError` names those that still refer to the entity."""
    for dependant, named in _dependants(entities, org_id, resource, document, {}):
        raise InvalidInputError(
            f"the {resource.type} is used by {dependant.type} {named}; delete or change those first"
        )


def refuse_renaming(entities: EntityRepository, org_id: str, resource: Resource, new: Document, old: Document) -> None:
    """`InvalidInputError` when others refer to the entity by a value, such as its code, that it has no more."""
    for dependant, named in _dependants(entities, org_id, resource, old, new):
        raise InvalidInputError(f"{dependant.path} cannot change while {dependant.type} {named} uses it")


def _dependants(
    entities: EntityRepository, org_id: str, resource: Resource, before: Document, after: Document
) -> Iterator[tuple[Dependant, str]]:
    """Those of each kind that refer to a value of `before` which is not in `after`, by their names."""
    for dependant in resource.dependants:
        kept = values_at(after, dependant.path)
        lost = [value for value in values_at(before, dependant.path) if value not in kept]
        if not lost:
            continue
        found = entities.list_page(org_id, dependant.type, filters={dependant.index: lost}, page_size=NAMED_MAX).data
        if found:
            yield dependant, ", ".join(str(one.get("code") or one.get("name") or one["id"]) for one in found)

"""Finding a revision and what says where its items are."""

from dataclasses import dataclass

from usance.application.ports.entities import EntityRepository
from usance.domain.kernel.errors import NotFoundError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, REVISION_DATA
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Place:
    """A revision of a lookup table, as a path names it."""

    table_id: str
    revision_id: str


def find_revision(entities: EntityRepository, org_id: str, place: Place) -> Document:
    """The revision, without its number of items. `NotFoundError` when the table has none of that id."""
    found = entities.get(org_id, LOOKUP_TABLE_REVISION.type, place.revision_id)
    if found is None or found["lookupTableId"] != place.table_id:
        raise NotFoundError(f"there is no {LOOKUP_TABLE_REVISION.type} {place.revision_id[:100]}")
    return found


def manifest_of(entities: EntityRepository, org_id: str, revision: Document) -> Document | None:
    """What says where the items are; None when none was ever put."""
    return entities.get(org_id, REVISION_DATA, revision["id"])

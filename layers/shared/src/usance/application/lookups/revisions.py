"""Finding a revision and what says where its items are."""

from dataclasses import dataclass

from usance.application.entities.find import find, require_place
from usance.application.lookups.ports import LookupPorts
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, REVISION_DATA
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Place:
    """A revision of a lookup table, as a path names it."""

    table_id: str
    revision_id: str


def find_revision(ports: LookupPorts, org_id: str, place: Place) -> Document:
    """The revision, without its number of items. `NotFoundError` when the table has none of that id."""
    where = {"lookupTableId": place.table_id}
    require_place(ports.entities, org_id, LOOKUP_TABLE_REVISION, where)
    return find(ports.entities, org_id, LOOKUP_TABLE_REVISION, place.revision_id, where)


def manifest_of(ports: LookupPorts, org_id: str, revision: Document) -> Document | None:
    """What says where the items are; None when none was ever put."""
    return ports.entities.entities.get(org_id, REVISION_DATA, revision["id"])

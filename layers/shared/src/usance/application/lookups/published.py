"""Lookups in the published revisions of tables, remembered: a request looks up the same few rows (metering.md 9.3)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Final

from usance.application.lookups.item_store import Items, read_items, shard_of
from usance.application.ports.blobs import BlobStore
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.domain.catalog.lookups import KEY_SEPARATOR, RevisionStatus
from usance.domain.expressions.tree import Value
from usance.domain.kernel.errors import NotFoundError, UnavailableError
from usance.resources.wire import Document

# The types of the rows, by name: importing the registry would cost every start of ingest more than it takes now.
TABLE: Final = "lookupTable"
REVISION: Final = "lookupTableRevision"
DATA: Final = "lookupTableRevisionData"

REMEMBERED_FOR: Final = timedelta(seconds=10)  # how long a revision that was just published may go unseen
TABLES_MAX: Final = 10_000  # some kilobytes each; then all is forgotten
ITEMS_MAX: Final = 200_000  # of all tables together, some 100 MB; the shards used longest ago are read again
READS_MAX: Final = 5  # a revision is published while it is read


@dataclass(frozen=True, slots=True)
class _Published:
    """A revision and the manifest of its items, which never change again."""

    revision: Document
    manifest: Document | None


@dataclass(slots=True)
class PublishedTables:
    """Kept for the life of a process, and used by several threads at a time."""

    entities: EntityRepository
    blobs: BlobStore
    clock: Clock
    _tables: dict[tuple[str, str], tuple[datetime, _Published | None]] = field(default_factory=dict)
    _shards: OrderedDict[tuple[str, str], Items] = field(default_factory=OrderedDict)
    _items: int = 0
    _lock: Lock = field(default_factory=Lock)

    def of(self, org_id: str) -> "OrganizationLookups":
        """Those of one organization."""
        return OrganizationLookups(self, org_id)

    def find(self, org_id: str, table_code: str, keys: Sequence[str]) -> dict[str, Value] | None:
        """The row of `keys`; None when there is no such table or row. `UnavailableError` when it cannot be read."""
        key = KEY_SEPARATOR.join(keys)
        for _ in range(READS_MAX):
            published = self._published(org_id, table_code)
            if published is None or published.manifest is None or len(keys) != len(published.revision["keys"]):
                return None
            try:
                item = self._shard(org_id, published, shard_of(key)).get(key)
            except NotFoundError:  # the revision was deleted meanwhile
                self._tables.pop((org_id, table_code), None)
                continue
            return None if item is None else {name: _value(value) for name, value in item.items()}
        raise UnavailableError(f"the lookup table {table_code} keeps changing; repeat the request")

    def _published(self, org_id: str, table_code: str) -> _Published | None:
        now = self.clock.now()
        expires, published = self._tables.get((org_id, table_code), (now, None))
        if expires <= now:
            published = self._read(org_id, table_code)
            if len(self._tables) >= TABLES_MAX:
                self._tables.clear()
            self._tables[org_id, table_code] = (now + REMEMBERED_FOR, published)
        return published

    def _read(self, org_id: str, table_code: str) -> _Published | None:
        table = self.entities.find_unique(org_id, TABLE, "code", table_code)
        if table is None:
            return None
        filters = {"lookupTableId": [table["id"]], "status": [RevisionStatus.PUBLISHED.value]}
        active = self.entities.list_page(org_id, REVISION, filters=filters, page_size=1).data
        if not active:
            return None
        return _Published(active[0], self.entities.get(org_id, DATA, active[0]["id"]))

    def _shard(self, org_id: str, published: _Published, shard: str) -> Items:
        place = (published.revision["id"], shard)
        with self._lock:
            if place in self._shards:
                self._shards.move_to_end(place)
                return self._shards[place]
        manifest = published.manifest or {}
        items = read_items(self.blobs, org_id, published.revision, manifest, [shard])
        with self._lock:
            if place not in self._shards:
                self._shards[place] = items
                self._items += len(items)
            while self._items > ITEMS_MAX and len(self._shards) > 1:
                self._items -= len(self._shards.popitem(last=False)[1])
        return items


@dataclass(frozen=True, slots=True)
class OrganizationLookups:
    """`Lookups` of the expressions."""

    tables: PublishedTables
    org_id: str

    def find(self, table_code: str, keys: Sequence[str]) -> dict[str, Value] | None:
        """See `Lookups`."""
        return self.tables.find(self.org_id, table_code, keys)


def _value(value: object) -> Value:
    return Decimal(value) if isinstance(value, int) else value  # type: ignore[return-value]

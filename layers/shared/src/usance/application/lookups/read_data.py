"""Read the items of a revision (metering.md 9.2)."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from usance.application.access.authorize import require
from usance.application.lookups.change_items import ALL_SHARDS
from usance.application.lookups.item_store import Items, read_items, shard_of
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.revisions import Place, find_revision, manifest_of
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import SHOWN_KEY, Item, lookup_key
from usance.domain.kernel.errors import NotFoundError, UnavailableError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION
from usance.resources.wire import Document

READS_MAX: Final = 5  # items are changed by one request after another
_AUDIT: Final = ("version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy")

_Found = TypeVar("_Found")


def get_data(ports: LookupPorts, caller: Caller, place: Place, *, limit: int, with_keys: bool) -> Document:
    """The first items in the order of their keys, with the version of the data (0 before any was put)."""
    require(caller, Action.CONFIG_RETRIEVE, LOOKUP_TABLE_REVISION.type, place.revision_id)

    def read(revision: Document, manifest: Document | None) -> Document:
        items = read_items(ports.blobs, caller.org_id, revision, manifest, ALL_SHARDS) if manifest else {}
        first = [items[key] for key in sorted(items)[:limit]]
        return shown(revision, manifest, first, with_keys=with_keys)

    return consistently(ports, caller.org_id, place, read)


def get_item(ports: LookupPorts, caller: Caller, place: Place, key: str) -> Document:
    """The item of a lookup key, as the only one of `items`. `NotFoundError` when there is none."""
    require(caller, Action.CONFIG_RETRIEVE, LOOKUP_TABLE_REVISION.type, place.revision_id)

    def read(revision: Document, manifest: Document | None) -> Document:
        items = read_items(ports.blobs, caller.org_id, revision, manifest, [shard_of(key)]) if manifest else {}
        return shown(revision, manifest, [existing(items, key)], with_keys=False)

    return consistently(ports, caller.org_id, place, read)


def existing(items: Items, key: str) -> Item:
    """The item of a lookup key. `NotFoundError` when there is none."""
    if key not in items:
        raise KeyNotFoundError(f"there is no item with the key {key[:200]}")
    return items[key]


def shown(revision: Document, manifest: Document | None, items: Iterable[Item], *, with_keys: bool) -> Document:
    """Items as the API answers them, with `lookupKey` when that is asked for."""
    keys = revision["keys"]
    data = [{**item, SHOWN_KEY: lookup_key(keys, item)} if with_keys else dict(item) for item in items]
    return {"items": data, "version": 0, **{name: manifest[name] for name in _AUDIT if manifest}}


def consistently(
    ports: LookupPorts, org_id: str, place: Place, read: Callable[[Document, Document | None], _Found]
) -> _Found:
    """What `read` answers of the revision and its manifest; once more when its items were replaced meanwhile."""
    for _ in range(READS_MAX):
        revision = find_revision(ports.entities, org_id, place)
        try:
            return read(revision, manifest_of(ports.entities, org_id, revision))
        except KeyNotFoundError:
            raise
        except NotFoundError:
            continue
    raise UnavailableError("the items of the revision keep changing; repeat the request")


class KeyNotFoundError(NotFoundError):
    """There is no item with a lookup key."""

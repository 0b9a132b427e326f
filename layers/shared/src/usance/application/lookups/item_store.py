"""The items of a revision as objects, by shard (see the README)."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from usance.application.ports.blobs import BlobStore
from usance.domain.catalog.lookups import Item, lookup_key
from usance.resources import wire
from usance.resources.wire import Document

SHARDS: Final = 16  # so that a change of few items writes a part of a large revision
BLOB_TYPE: Final = "application/octet-stream"

Items = dict[str, Item]
"""Items by lookup key."""


def shard_of(key: str) -> str:
    """The shard that holds a lookup key."""
    return str(zlib.crc32(key.encode()) % SHARDS)


def read_items(blobs: BlobStore, org_id: str, revision: Document, manifest: Document, shards: Iterable[str]) -> Items:
    """The items of some shards. `NotFoundError` when the manifest is no longer current."""
    wanted = [shard for shard in shards if shard in manifest["shards"]]
    with ThreadPoolExecutor(SHARDS) as pool:
        bodies = pool.map(lambda shard: blobs.get(blob_key(org_id, revision, shard, manifest["shards"][shard])), wanted)
        items = [item for body in bodies for item in wire.loads(zlib.decompress(body))]
    return {lookup_key(revision["keys"], item): item for item in items}


def write_items(blobs: BlobStore, org_id: str, revision: Document, items: Items, name: str) -> Mapping[str, str]:
    """Store items in objects called `name`, which is new; the name by shard, of the shards that have any."""
    by_shard: dict[str, list[str]] = {}
    for key in sorted(items):
        by_shard.setdefault(shard_of(key), []).append(key)

    def write(shard: str) -> None:
        body = wire.dumps([items[key] for key in by_shard[shard]])
        blobs.put(blob_key(org_id, revision, shard, name), zlib.compress(body), BLOB_TYPE)

    with ThreadPoolExecutor(SHARDS) as pool:
        list(pool.map(write, by_shard))
    return dict.fromkeys(by_shard, name)


def drop(blobs: BlobStore, org_id: str, revision: Document, names: Mapping[str, str]) -> None:
    """Remove objects that no manifest names any more."""
    keys: Sequence[str] = [blob_key(org_id, revision, shard, name) for shard, name in names.items()]
    if keys:
        blobs.delete(keys)


def blob_key(org_id: str, revision: Document, shard: str, name: str) -> str:
    """Where a shard of a revision lies, by the name that the manifest gives it."""
    return f"{org_id}/lookups/{revision['id']}/{shard}-{name}"

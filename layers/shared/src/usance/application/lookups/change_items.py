"""Change the items of a draft, whoever else changes the revision at the same time."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from usance.application.audit import check_version, created, updated
from usance.application.lookups.item_store import SHARDS, Items, drop, read_items, shard_of, write_items
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.revisions import Place, find_revision, manifest_of
from usance.application.ports.entities import Guard, Put, Reference, StaleGuardError
from usance.domain.access import Caller
from usance.domain.catalog.lookups import require_draft, same_schema
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.resources.lookup_table import REVISION_DATA
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5  # rivals for one lookup table; each round lets one of them pass
ALL_SHARDS: Final = tuple(str(shard) for shard in range(SHARDS))

_BUSY: Final = "others keep changing the revision; repeat the request"

Change = Callable[[Document, Items], Items]
"""Takes the revision and the items of the shards that change, and answers what these shall hold."""


def change_items(
    ports: LookupPorts,
    caller: Caller,
    place: Place,
    change: Change,
    *,
    keys_of: Callable[[Document], Collection[str]] | None = None,
    version: Any = None,
    job_id: str = "",
) -> Document:
    """The new manifest, which names `job_id`. `keys_of` tells from the revision which keys change; without it all may.

    `version` must be that of the data, once there is any. Raises `NotFoundError`, `InvalidInputError` when the
    revision is no draft, `VersionConflictError` for a stale version, and what `change` raises.
    """
    for _ in range(ATTEMPTS_MAX):
        guard = ports.entities.read_guard(caller.org_id, f"lookup table {place.table_id}")
        revision = find_revision(ports.entities, caller.org_id, place)
        require_draft(revision)
        old = manifest_of(ports.entities, caller.org_id, revision)
        if old is not None:
            check_version(version, old, "revision's data")
        shards = ALL_SHARDS if keys_of is None else tuple(sorted({shard_of(key) for key in keys_of(revision)}))
        try:
            before = read_items(ports.blobs, caller.org_id, revision, old, shards) if old else {}
        except NotFoundError:  # the manifest moved on, and what it named is gone
            continue
        after = change(revision, dict(before))
        written = write_items(ports.blobs, caller.org_id, revision, after, ports.ids.new())
        kept = {shard: name for shard, name in (old["shards"] if old else {}).items() if shard not in shards}
        count = (int(old["itemCount"]) if old else 0) + len(after) - len(before)
        body = {"itemCount": count, "shards": {**kept, **written}} | ({"jobId": job_id} if job_id else {})
        if manifest := _committed(ports, caller, revision, old, body, guard):
            return manifest
    raise UnavailableError(_BUSY)


def replace_items(
    ports: LookupPorts, caller: Caller, place: Place, source: Document, shards: Mapping[str, str], count: int
) -> None:
    """Make the objects `shards`, copies of what `source` has, all that the draft has. Raises as `change_items` does."""
    for _ in range(ATTEMPTS_MAX):
        guard = ports.entities.read_guard(caller.org_id, f"lookup table {place.table_id}")
        revision = find_revision(ports.entities, caller.org_id, place)
        require_draft(revision)
        if not same_schema(source, revision):
            raise InvalidInputError("the schema of the revision changed meanwhile; read it again")
        old = manifest_of(ports.entities, caller.org_id, revision)
        if _committed(ports, caller, revision, old, {"itemCount": count, "shards": dict(shards)}, guard):
            return
    raise UnavailableError(_BUSY)


def _committed(
    ports: LookupPorts, caller: Caller, revision: Document, old: Document | None, body: Document, guard: Guard
) -> Document | None:
    """The manifest, once it is stored; None when others changed the lookup table meanwhile."""
    now = ports.clock.now()
    if old is None:
        manifest = created(body, revision["id"], caller.audit_name, now)
    else:
        manifest = updated(body, old, caller.audit_name, now)
    put = Put(
        REVISION_DATA,
        manifest,
        int(old["version"]) if old else None,
        references=(Reference("lookupTableRevision", revision["id"]),),
        guards=(guard,),
    )
    try:
        ports.entities.commit(caller.org_id, [put])
    except (StaleGuardError, VersionConflictError):
        return None
    drop(ports.blobs, caller.org_id, revision, _unnamed(old, manifest))
    return manifest


def _unnamed(old: Document | None, new: Document) -> Mapping[str, str]:
    named = old["shards"] if old else {}
    return {shard: name for shard, name in named.items() if new["shards"].get(shard) != name}

"""Copy the items of a revision into a draft: a given one, or a new one (metering.md 9.2)."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from usance.application.access.authorize import require
from usance.application.entities.create_entity import create_entity
from usance.application.entities.ports import EntityPorts
from usance.application.lookups.change_items import replace_items
from usance.application.lookups.item_store import SHARDS, blob_key
from usance.application.lookups.jobs import COPY, SUCCEEDED, new_job
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.read_data import consistently
from usance.application.lookups.revisions import Place, find_revision
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import require_draft, same_schema
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, CopyRequest
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

NAME_MAX_CHARS = 200
_COPIED = ("fields", "keys", "startDate", "customFields")


def copy_data(
    configuration: EntityPorts, ports: LookupPorts, caller: Caller, place: Place, body: Mapping[str, Any]
) -> Document:
    """`jobId` and `revisionId`: the draft now has the items of the revision, and no others.

    `InvalidInputError` when the target is no draft, or has another schema.
    """
    require(caller, Action.CONFIG_RETRIEVE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    sent = document_of(validated(CopyRequest, body))
    source = find_revision(ports.entities, caller.org_id, place)
    if "revisionId" in sent:
        target = _target(ports, caller, place, source, sent["revisionId"])
    else:
        target = _duplicate(configuration, caller, place, source)
    into = Place(place.table_id, target["id"])
    name = ports.ids.new()

    def read(_: Document, manifest: Document | None) -> tuple[Mapping[str, str], int]:
        """The shards that the copy has, and how many items they hold."""
        if manifest is None:
            return {}, 0

        def one(shard: str) -> None:
            old = blob_key(caller.org_id, source, shard, manifest["shards"][shard])
            ports.blobs.copy(old, blob_key(caller.org_id, target, shard, name))

        with ThreadPoolExecutor(SHARDS) as pool:
            list(pool.map(one, manifest["shards"]))
        return dict.fromkeys(manifest["shards"], name), int(manifest["itemCount"])

    shards, count = consistently(ports, caller.org_id, place, read)
    replace_items(ports, caller, into, source, shards, count)
    more = {"destinationLookupTableRevisionId": target["id"]}
    return {"jobId": new_job(ports, caller, place, COPY, SUCCEEDED, **more)["id"], "revisionId": target["id"]}


def _target(ports: LookupPorts, caller: Caller, place: Place, source: Document, revision_id: str) -> Document:
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, revision_id)
    if revision_id == place.revision_id:
        raise InvalidInputError("revisionId: a revision cannot be copied into itself")
    try:
        target = find_revision(ports.entities, caller.org_id, Place(place.table_id, revision_id))
    except NotFoundError as unknown:
        raise InvalidInputError(f"revisionId: the lookup table has no revision {revision_id}") from unknown
    require_draft(target)
    if not same_schema(source, target):
        raise InvalidInputError("revisionId: the revisions have different fields or keys")
    return target


def _duplicate(configuration: EntityPorts, caller: Caller, place: Place, source: Document) -> Document:
    copied = {name: source[name] for name in _COPIED if name in source}
    body = {"name": f"{source['name'][: NAME_MAX_CHARS - 5]} Copy", **copied}
    return create_entity(configuration, caller, LOOKUP_TABLE_REVISION, body, {"lookupTableId": place.table_id})

"""Put items into a draft, or take them out (metering.md 9.2)."""

from collections.abc import Collection, Mapping
from typing import Any

from usance.application.access.authorize import require
from usance.application.lookups.change_items import change_items
from usance.application.lookups.item_store import Items
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.read_data import existing, shown
from usance.application.lookups.revisions import Place, find_revision, manifest_of
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import Item, check_distinct, checked_item, lookup_key
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, RevisionItem, RevisionItemRemoval, RevisionItems
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document


def put_items(
    ports: LookupPorts, caller: Caller, place: Place, body: Mapping[str, Any], *, with_keys: bool
) -> Document:
    """The items as they were put: each replaces the one with its keys, all or none. Raises as `change_items` does."""
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    sent = document_of(validated(RevisionItems, body))
    revision = find_revision(ports.entities, caller.org_id, place)
    items = [checked_item(revision, item, f"items[{at}]") for at, item in enumerate(sent["items"])]
    check_distinct(revision["keys"], items)
    manifest = change_items(
        ports,
        caller,
        place,
        lambda current, before: before | _checked(revision, current, items),
        keys_of=lambda current: [lookup_key(current["keys"], item) for item in items],
        version=sent.get("version"),
    )
    return shown(revision, manifest, items, with_keys=with_keys)


def put_item(
    ports: LookupPorts, caller: Caller, place: Place, key: str, body: Mapping[str, Any], *, with_keys: bool
) -> Document:
    """The item, put at its lookup key, which must be that of its values. Raises as `change_items` does."""
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    sent = document_of(validated(RevisionItem, body))
    revision = find_revision(ports.entities, caller.org_id, place)
    item = checked_item(revision, sent["item"], "item")
    if lookup_key(revision["keys"], item) != key:
        raise InvalidInputError(f"item: its keys make {lookup_key(revision['keys'], item)}, not {key[:200]}")
    one = {"items": [item], **({"version": sent["version"]} if "version" in sent else {})}
    return put_items(ports, caller, place, one, with_keys=with_keys)


def delete_item(ports: LookupPorts, caller: Caller, place: Place, key: str, body: Mapping[str, Any]) -> Document:
    """The item as it was. `NotFoundError` when there is none; otherwise raises as `change_items` does."""
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    sent = validated(RevisionItemRemoval, body)
    removed: list[Item] = []

    def remove(_: Document, before: Items) -> Items:
        removed[:] = [existing(before, key)]
        return {other: item for other, item in before.items() if other != key}

    manifest = change_items(
        ports,
        caller,
        place,
        remove,
        keys_of=lambda _: [key],
        version=_version(ports, caller, place) if sent.version is None else sent.version,
    )
    return shown(find_revision(ports.entities, caller.org_id, place), manifest, removed, with_keys=False)


def clear_data(ports: LookupPorts, caller: Caller, place: Place) -> Document:
    """Take out every item. Raises as `change_items` does."""
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    change_items(ports, caller, place, lambda _, __: {}, version=_version(ports, caller, place))
    return {"result": "deleted"}


def _checked(checked: Document, current: Document, items: Collection[Item]) -> Items:
    """The items by key; they were checked against the schema that the revision still has."""
    if (current["fields"], current["keys"]) != (checked["fields"], checked["keys"]):
        raise InvalidInputError("items: the schema of the revision changed meanwhile; read it again")
    return {lookup_key(current["keys"], item): item for item in items}


def _version(ports: LookupPorts, caller: Caller, place: Place) -> Any:
    """The version that is there, for a removal that names none."""
    manifest = manifest_of(ports.entities, caller.org_id, find_revision(ports.entities, caller.org_id, place))
    return manifest["version"] if manifest else None

"""Publish or archive a revision (metering.md 9.1)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import check_version, updated
from usance.application.entities.ports import EntityPorts
from usance.application.entities.prepare import prepare
from usance.application.entities.sealing import shown
from usance.application.lookups.revisions import Place, find_revision
from usance.application.ports.entities import Put, StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import RevisionStatus, check_transition
from usance.domain.kernel.errors import UnavailableError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, RevisionStatusRequest
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5  # rivals for one lookup table; each round lets one of them pass


def set_revision_status(ports: EntityPorts, caller: Caller, place: Place, body: Mapping[str, Any]) -> Document:
    """The revision in its new status. Publishing archives the revision that was published, in the same transaction.

    `InvalidInputError` when the status cannot follow, `VersionConflictError` for a stale version.
    """
    require(caller, Action.CONFIG_UPDATE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    status = RevisionStatus(document_of(validated(RevisionStatusRequest, body))["status"])
    for _ in range(ATTEMPTS_MAX):
        old = find_revision(ports.entities, caller.org_id, place)
        check_version(body.get("version"), old, LOOKUP_TABLE_REVISION.type)
        check_transition(RevisionStatus(old["status"]), status)
        revision, changes = _changes(ports, caller, place, old, status)
        try:
            ports.entities.commit(caller.org_id, changes)
        except StaleGuardError:
            continue
        return shown(ports, caller, LOOKUP_TABLE_REVISION, [revision])[0]
    raise UnavailableError("others keep changing the lookup table; repeat the request")


def published(ports: EntityPorts, org_id: str, table_id: str) -> Document | None:
    """The published revision of a table, or None."""
    filters = {"lookupTableId": [table_id], "status": [RevisionStatus.PUBLISHED.value]}
    found = ports.entities.list_all(org_id, LOOKUP_TABLE_REVISION.type, filters=filters)
    return found[0] if found else None


def _changes(
    ports: EntityPorts, caller: Caller, place: Place, old: Document, status: RevisionStatus
) -> tuple[Document, Sequence[Put]]:
    """The revision after the change, and the changes, which are guarded by what was read before they were decided on."""
    change = _put(ports, caller, old, status)
    changes = [change]
    if status is RevisionStatus.PUBLISHED:
        before = published(ports, caller.org_id, place.table_id)
        if before is not None and before["id"] != old["id"]:
            changes.append(_put(ports, caller, before, RevisionStatus.ARCHIVED))
    return change.document, changes


def _put(ports: EntityPorts, caller: Caller, old: Document, status: RevisionStatus) -> Put:
    body = {name: value for name, value in old.items() if name not in {"id", "version"}}
    new = updated({**body, "status": status.value}, old, caller.audit_name, ports.clock.now())
    # The rules keep the status that a revision has: here it is the new one.
    return prepare(ports, caller.org_id, LOOKUP_TABLE_REVISION, new, {**old, "status": status.value})

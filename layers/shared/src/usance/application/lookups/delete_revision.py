"""Delete a revision with its items."""

from usance.application.access.authorize import require
from usance.application.access.groups import leave_groups
from usance.application.entities.ports import EntityPorts
from usance.application.entities.sealing import shown
from usance.application.lookups.item_store import drop
from usance.application.lookups.jobs import drop_jobs
from usance.application.lookups.ports import LookupPorts
from usance.application.lookups.revisions import Place, find_revision, manifest_of
from usance.application.ports.entities import Delete
from usance.domain.access import Action, Caller
from usance.domain.catalog.lookups import RevisionStatus
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.lookup_table import LOOKUP_TABLE_REVISION, REVISION_DATA
from usance.resources.wire import Document


def delete_revision(configuration: EntityPorts, ports: LookupPorts, caller: Caller, place: Place) -> Document:
    """The revision as it was. `InvalidInputError` while it is published: calculations look it up."""
    require(caller, Action.CONFIG_DELETE, LOOKUP_TABLE_REVISION.type, place.revision_id)
    revision = find_revision(ports.entities, caller.org_id, place)
    if revision["status"] == RevisionStatus.PUBLISHED:
        raise InvalidInputError(
            f"the revision {revision['id']} is PUBLISHED; archive it, or publish another one, first"
        )
    answer = shown(configuration, caller, LOOKUP_TABLE_REVISION, [revision])[0]
    manifest = manifest_of(ports.entities, caller.org_id, revision)
    changes = [Delete(LOOKUP_TABLE_REVISION.type, revision["id"], int(revision["version"]))]
    if manifest:
        changes.append(Delete(REVISION_DATA, revision["id"], int(manifest["version"])))
    ports.entities.commit(caller.org_id, changes)
    if manifest:
        drop(ports.blobs, caller.org_id, revision, manifest["shards"])
    drop_jobs(ports, caller.org_id, revision["id"])
    leave_groups(ports.entities, caller.org_id, revision["id"])
    return answer

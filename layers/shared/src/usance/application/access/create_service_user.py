"""A service user of an organization, with permission policies attached (platform.md 3.2, 4.5)."""

from collections.abc import Sequence
from typing import Final

from usance.application.access.create_organization import AUDIT_NAME
from usance.application.access.credentials import ROOT
from usance.application.audit import created
from usance.application.ports.clock import Clock, IdFactory
from usance.application.ports.entities import EntityRepository, Put, Reference
from usance.domain.kernel.errors import InvalidInputError, NotFoundError
from usance.domain.kernel.ids import derived_id
from usance.resources.wire import Document

NAME_MAX_CHARS: Final = 200
POLICIES_MAX: Final = 20  # one transaction of 100 rows holds them all, four for each


def create_service_user(
    entities: EntityRepository, clock: Clock, ids: IdFactory, *, org_id: str, name: str, policies: Sequence[str]
) -> str:
    """Make the service user and answer its id. `policies` are names of the organization's policies; may be none."""
    if not 1 <= len(name.strip()) <= NAME_MAX_CHARS:
        raise InvalidInputError(f"name must have 1 to {NAME_MAX_CHARS} characters")
    if len(policies) > POLICIES_MAX:
        raise InvalidInputError(f"policies may name at most {POLICIES_MAX} policies")
    if entities.get(ROOT, "organization", org_id) is None:
        raise NotFoundError(f"there is no organization {org_id}")
    found = [_policy(entities, org_id, policy) for policy in dict.fromkeys(policies)]
    now, user_id = clock.now(), ids.new()
    changes = [Put("serviceUser", created({"name": name}, user_id, AUDIT_NAME, now))]
    for policy in found:
        attached = {"permissionPolicyId": policy["id"], "principalId": user_id, "principalType": "SERVICEUSER"}
        changes.append(
            Put(
                "principalPermission",
                created(attached, derived_id(org_id, user_id, policy["id"]), AUDIT_NAME, now),
                indexed={"principalId": [user_id], "permissionPolicyId": [policy["id"]]},
                references=(Reference("permissionPolicy", policy["id"], "policies"),),
            )
        )
    entities.commit(org_id, changes)
    return user_id


def _policy(entities: EntityRepository, org_id: str, name: str) -> Document:
    found = entities.list_all(org_id, "permissionPolicy", filters={"name": [name]})
    if not found:
        raise InvalidInputError(f"policies: there is no permission policy named {name!r}")
    return next((policy for policy in found if policy.get("managedPolicy")), found[0])  # names are not unique

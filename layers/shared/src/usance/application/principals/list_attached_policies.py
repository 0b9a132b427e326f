"""The policies attached to a principal (platform.md 4.5)."""

from collections.abc import Mapping

from usance.application.access.authorize import require
from usance.application.entities.find import NOWHERE, find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Page
from usance.application.principals.attach_policy import ATTACHMENT
from usance.application.principals.known_page import known_page
from usance.domain.access import Action, Caller
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.resource import Resource


def list_attached_policies(
    ports: EntityPorts,
    caller: Caller,
    principal: Resource,
    principal_id: str,
    place: Mapping[str, str] = NOWHERE,
    *,
    page_size: int,
    next_token: str | None,
) -> Page:
    """A page of policies attached to the principal itself, newest policy first. `NotFoundError` for no such principal."""
    require(caller, Action.CONFIG_RETRIEVE, principal.type, principal_id)
    find(ports, caller.org_id, principal, principal_id, place)
    attached = ports.entities.list_all(caller.org_id, ATTACHMENT, filters={"principalId": [principal_id]})
    ids = [item["permissionPolicyId"] for item in attached]
    return known_page(ports, caller, PERMISSION_POLICY.type, ids, page_size=page_size, next_token=next_token)

"""Who is calling (platform.md 3.3)."""

from usance.application.access.credentials import ROOT
from usance.application.access.known_callers import PRINCIPAL_TYPES, SUPPORT, USER
from usance.application.entities.ports import EntityPorts
from usance.domain.access import Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.wire import Document


def describe_caller(ports: EntityPorts, caller: Caller) -> Document:
    """`{organization, user}` or `{organization, serviceUser}`. Everybody may know who they are, whatever their policies say."""
    organization = ports.entities.get(ROOT, "organization", caller.org_id)
    if caller.principal_type == PRINCIPAL_TYPES[SUPPORT]:  # nobody's user: the provider knows them, and the deployment
        user = {"id": caller.principal_id, "supportUser": True, "organizations": [caller.org_id]}
        return {"organization": organization, "user": user}
    type_ = "user" if caller.principal_type == PRINCIPAL_TYPES[USER] else "serviceUser"
    principal = ports.entities.get(caller.org_id, type_, caller.principal_id)
    if principal is None:
        raise NotFoundError(f"there is no {type_} {caller.principal_id}")
    shown = {name: value for name, value in principal.items() if name != "permissionPolicy"}
    return {"organization": organization, type_: shown}

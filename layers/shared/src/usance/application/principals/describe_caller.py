"""Who is calling (platform.md 3.3)."""

from usance.application.access.authorize import require
from usance.application.access.credentials import ROOT
from usance.application.entities.ports import EntityPorts
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.service_user import SERVICE_USER
from usance.resources.user import USER
from usance.resources.wire import Document


def describe_caller(ports: EntityPorts, caller: Caller) -> Document:
    """`{organization, user}` or `{organization, serviceUser}`."""
    name, resource = ("user", USER) if caller.principal_type == "USER" else ("serviceUser", SERVICE_USER)
    require(caller, Action.CONFIG_RETRIEVE, resource.type, caller.principal_id)
    principal = ports.entities.get(caller.org_id, resource.type, caller.principal_id)
    if principal is None:
        raise NotFoundError(f"there is no {resource.type} {caller.principal_id}")
    organization = ports.entities.get(ROOT, "organization", caller.org_id)
    shown = {name: value for name, value in principal.items() if name != "permissionPolicy"}
    return {"organization": organization, name: shown}

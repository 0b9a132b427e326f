"""Delete a permission policy, which detaches it everywhere (platform.md 4.5)."""

from usance.application.access.authorize import require
from usance.application.entities.delete_entity import delete_entity
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.domain.access import Action, Caller
from usance.domain.catalog.access import refuse_managed
from usance.resources.permission_policy import PERMISSION_POLICY
from usance.resources.wire import Document


def delete_policy(ports: EntityPorts, caller: Caller, policy_id: str) -> Document:
    """The policy as it was. `InvalidInputError` for a managed policy."""
    require(caller, Action.CONFIG_DELETE, PERMISSION_POLICY.type, policy_id)
    refuse_managed(find(ports, caller.org_id, PERMISSION_POLICY, policy_id))
    return delete_entity(ports, caller, PERMISSION_POLICY, policy_id)

"""Delete a service user with its access keys and the attachments of policies to it."""

from usance.application.access.authorize import require
from usance.application.entities.delete_entity import delete_entity
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.principals.access_keys import delete_keys_of
from usance.domain.access import Action, Caller
from usance.resources.service_user import SERVICE_USER
from usance.resources.wire import Document


def delete_service_user(ports: EntityPorts, caller: Caller, user_id: str) -> Document:
    """The service user as it was. Its keys go first, so that an interrupted deletion can be repeated.

    They go once more in the end: somebody may have made one until the user was gone.
    """
    require(caller, Action.CONFIG_DELETE, SERVICE_USER.type, user_id)
    find(ports, caller.org_id, SERVICE_USER, user_id)
    delete_keys_of(ports, caller.org_id, user_id)
    deleted = delete_entity(ports, caller, SERVICE_USER, user_id)
    delete_keys_of(ports, caller.org_id, user_id)
    return deleted

"""The groups a user is in (platform.md 3.3, 3.6)."""

from usance.application.access.authorize import require
from usance.application.access.groups import around
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.ports.entities import Page
from usance.application.principals.known_page import known_page
from usance.domain.access import Action, Caller
from usance.resources.resource_group import RESOURCE_GROUP
from usance.resources.user import USER


def list_user_groups(
    ports: EntityPorts, caller: Caller, user_id: str, *, inherited: bool, page_size: int, next_token: str | None
) -> Page:
    """A page of groups, newest first: those that hold the user, with `inherited` also those around these."""
    require(caller, Action.CONFIG_RETRIEVE, USER.type, user_id)
    find(ports, caller.org_id, USER, user_id)
    levels = around(ports.entities, caller.org_id, [user_id])
    ids = frozenset[str]().union(*(levels if inherited else levels[:1]))
    return known_page(ports, caller, RESOURCE_GROUP.type, ids, page_size=page_size, next_token=next_token)

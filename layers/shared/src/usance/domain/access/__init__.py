"""Who may do what: callers, statements and their evaluation (platform.md 4). Default deny; an explicit deny wins."""

from usance.domain.access.actions import Action
from usance.domain.access.caller import Caller, GroupsOf, Statement
from usance.domain.access.evaluate import allows, allows_all, allows_some, groups_named
from usance.domain.access.managed import ADMINISTRATOR, MANAGED_POLICIES, READ_ONLY

__all__ = [
    "ADMINISTRATOR",
    "MANAGED_POLICIES",
    "READ_ONLY",
    "Action",
    "Caller",
    "GroupsOf",
    "Statement",
    "allows",
    "allows_all",
    "allows_some",
    "groups_named",
]

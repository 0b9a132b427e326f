"""Callers by their ids, remembered for a short while: some clients take a new token before every request."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import ForbiddenError

PRINCIPAL_TYPE: Final = "SERVICE_USER"
# A withdrawn permission may go on working as long, and then while the gateway remembers.
REMEMBERED: Final = timedelta(seconds=30)
REMEMBERED_MAX: Final = 1_000  # callers per process


@dataclass(slots=True)
class KnownCallers:
    """Finds service users with the statements of their policies."""

    entities: EntityRepository
    clock: Clock
    _known: dict[tuple[str, str], tuple[Caller, datetime]] = field(default_factory=dict)

    def find(self, org_id: str, user_id: str) -> Caller:
        """The caller. `ForbiddenError` when the organization has no such service user."""
        now = self.clock.now()
        caller, until = self._known.get((org_id, user_id), (None, now))
        if caller is None or now >= until:
            caller = self._read(org_id, user_id)
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[org_id, user_id] = (caller, now + REMEMBERED)
        return caller

    def _read(self, org_id: str, user_id: str) -> Caller:
        if self.entities.get(org_id, "serviceUser", user_id) is None:
            raise ForbiddenError("the service user of this token does not exist any more")
        attached = self.entities.list_all(org_id, "principalPermission", filters={"principalId": [user_id]})
        policies = self.entities.get_many(org_id, "permissionPolicy", [item["permissionPolicyId"] for item in attached])
        statements = tuple(
            Statement(item["effect"], tuple(item["action"]), tuple(item["resource"]))
            for policy in policies
            for item in policy["permissionPolicy"]
        )
        return Caller(org_id, user_id, PRINCIPAL_TYPE, statements)

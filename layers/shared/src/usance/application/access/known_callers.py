"""Callers by their ids, remembered for a short while: some clients take a new token before every request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from usance.application.access.credentials import ACTIVE, ROOT
from usance.application.access.groups import around, with_nested_groups
from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import ForbiddenError
from usance.resources import instants

SERVICE: Final = "service"  # what the claim `pt` of a token says of its principal (platform.md 3.1)
USER: Final = "user"
SUPPORT: Final = "support"
PRINCIPAL_TYPES: Final = {SERVICE: "SERVICE_USER", USER: "USER", SUPPORT: "SUPPORT_USER"}
SUPPORT_USERS: Final = "SUPPORTUSERS"  # the principal that policies for all support users are attached to
# A withdrawn permission or key may go on working as long, and then while the gateway remembers.
REMEMBERED: Final = timedelta(seconds=30)
REMEMBERED_MAX: Final = 1_000  # callers per process


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token names: `kind` is `SERVICE`, `USER` or `SUPPORT`, `key` the access key it was issued for (none: empty)."""

    org_id: str
    id: str
    kind: str = SERVICE
    key: str = ""


@dataclass(slots=True)
class KnownCallers:
    """Finds principals with the statements that are in force for them (platform.md 4.3)."""

    entities: EntityRepository
    clock: Clock
    _known: dict[Principal, tuple[Caller, datetime]] = field(default_factory=dict)

    def find(self, principal: Principal) -> Caller:
        """The caller. `ForbiddenError` when there is no such principal, its key is inactive or its access has ended."""
        now = self.clock.now()
        caller, until = self._known.get(principal, (None, now))
        if caller is None or now >= until:
            self._known.pop(principal, None)
            caller = self._read(principal)
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[principal] = (caller, now + REMEMBERED)
        return caller

    def _read(self, principal: Principal) -> Caller:
        if not principal.key and not organization_exists(self.entities, principal.org_id):  # no key is there before it
            raise ForbiddenError("the organization of this token does not exist")
        own: Sequence[Statement] = ()
        ids = [principal.id]
        match principal.kind:
            case "service":
                self._require_service_user(principal)
            case "user":
                own = self._inline_statements(principal)
                groups = frozenset[str]().union(*around(self.entities, principal.org_id, [principal.id]))
                ids = [principal.id, *sorted(groups)]
            case "support":
                own = self._support_statements(principal.org_id)
                ids = [SUPPORT_USERS]
            case _:
                raise ForbiddenError("the access token names no kind of principal that is known here")
        statements = [*own, *self._attached_statements(principal.org_id, ids)]
        return Caller(
            principal.org_id,
            principal.id,
            PRINCIPAL_TYPES[principal.kind],
            with_nested_groups(self.entities, principal.org_id, list(dict.fromkeys(statements))),
        )

    def _require_service_user(self, principal: Principal) -> None:
        if self.entities.get(principal.org_id, "serviceUser", principal.id) is None:
            raise ForbiddenError("the service user of this token does not exist any more")
        if principal.key:
            key = self.entities.get(ROOT, "accessKey", principal.key)
            if key is None or key["status"] != ACTIVE:
                raise ForbiddenError("the access key of this token is not active any more")

    def _inline_statements(self, principal: Principal) -> Sequence[Statement]:
        user = self.entities.get(principal.org_id, "user", principal.id)
        if user is None:
            raise ForbiddenError("the user of this token does not exist any more")
        if "dtEndAccess" in user and instants.from_text(user["dtEndAccess"]) <= self.clock.now():
            raise ForbiddenError("the access of this user has ended")
        return _statements(user.get("permissionPolicy", ()))

    def _support_statements(self, org_id: str) -> Sequence[Statement]:
        if not support_is_open(self.entities, org_id, self.clock.now()):
            raise ForbiddenError("the access of support users to this organization has ended")
        support = self.entities.get(org_id, "support", org_id) or {}
        return _statements(support.get("supportUsersPermissionPolicy", ()))

    def _attached_statements(self, org_id: str, principal_ids: Sequence[str]) -> Sequence[Statement]:
        attached = self.entities.list_all(org_id, "principalPermission", filters={"principalId": principal_ids})
        policies = self.entities.get_many(org_id, "permissionPolicy", [item["permissionPolicyId"] for item in attached])
        return [statement for policy in policies for statement in _statements(policy["permissionPolicy"])]


def organization_exists(entities: EntityRepository, org_id: str) -> bool:
    """Whether it is there; one that is being put back from a backup is not yet, although its users may be."""
    return entities.get(ROOT, "organization", org_id) is not None


def support_is_open(entities: EntityRepository, org_id: str, now: datetime) -> bool:
    """Whether the organization lets support users in."""
    support = entities.get(org_id, "support", org_id)
    return support is not None and instants.from_text(support["dtEndSupportUsersAccess"]) > now


def _statements(written: Sequence[Any]) -> Sequence[Statement]:
    return [Statement(item["effect"], tuple(item["action"]), tuple(item["resource"])) for item in written]

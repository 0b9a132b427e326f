"""Who a token speaks for, with the statements in force now (platform.md 4.3)."""

from typing import Final

from usance.application.ports.clock import Clock
from usance.application.ports.entities import EntityRepository
from usance.application.ports.tokens import TokenCodec
from usance.domain.access import Caller, Statement
from usance.domain.kernel.errors import ForbiddenError

PRINCIPAL_TYPE: Final = "SERVICE_USER"


def verify_token(entities: EntityRepository, tokens: TokenCodec, clock: Clock, token: str) -> Caller:
    """The caller. `ForbiddenError` for a token that is forged or expired, or whose service user is gone."""
    claims = tokens.decode(token, now=clock.now())
    org_id, user_id = str(claims["orgId"]), str(claims["sub"])
    if entities.get(org_id, "serviceUser", user_id) is None:
        raise ForbiddenError("the service user of this token does not exist any more")
    attached = entities.list_all(org_id, "principalPermission", filters={"principalId": [user_id]})
    policies = entities.get_many(org_id, "permissionPolicy", [item["permissionPolicyId"] for item in attached])
    statements = tuple(
        Statement(item["effect"], tuple(item["action"]), tuple(item["resource"]))
        for policy in policies
        for item in policy["permissionPolicy"]
    )
    return Caller(org_id, user_id, PRINCIPAL_TYPE, statements)

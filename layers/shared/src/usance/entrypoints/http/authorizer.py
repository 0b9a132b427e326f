"""The authorizer of the HTTP API: a verified caller for the other functions, or no entry."""

from collections.abc import Callable
from typing import Any

from usance.bootstrap.access import identify
from usance.domain.access import Caller
from usance.domain.kernel.errors import ForbiddenError
from usance.resources import wire

Identify = Callable[[str], Caller]


def handler(who: Identify = identify) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """A Lambda authorizer (payload 2.0, simple response). A refusal becomes 403; the gateway answers 401 to no token.

    A store that cannot be read raises, so that the gateway answers 500 and the client tries again.
    """

    def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        try:
            caller = who(_bearer(event))
        except ForbiddenError:
            return {"isAuthorized": False}
        statements = [
            {"effect": item.effect, "action": list(item.actions), "resource": list(item.resources)}
            for item in caller.statements
        ]
        return {
            "isAuthorized": True,
            "context": {
                "orgId": caller.org_id,
                "principalId": caller.principal_id,
                "principalType": caller.principal_type,
                "statements": wire.dumps(statements).decode(),
            },
        }

    return handle


def _bearer(event: dict[str, Any]) -> str:
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    scheme, _, token = str(headers.get("authorization", "")).strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ForbiddenError("the Authorization header must be: Bearer, a space, and an access token")
    return token.strip()

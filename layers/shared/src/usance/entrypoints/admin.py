"""Invoke only: creates organizations, service users and access keys, which the API has no calls for (platform.md 3.2)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from usance.bootstrap import access
from usance.domain.kernel.errors import InvalidInputError

Action = Callable[[Mapping[str, Any]], dict[str, Any]]


def handler() -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """A Lambda handler of `{"action": ...}`. A refusal fails the invocation with a message that names the field."""

    def handle(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        action = ACTIONS.get(str(event.get("action")))
        if action is None:
            raise InvalidInputError(f"action must be one of {', '.join(ACTIONS)}")
        return action(event)

    return handle


def create_organization(event: Mapping[str, Any]) -> dict[str, Any]:
    """`{"name"}` → `{"orgId"}`."""
    return {"orgId": access.new_organization(_text(event, "name"))}


def create_service_user(event: Mapping[str, Any]) -> dict[str, Any]:
    """`{"orgId", "name", "policies"}` → `{"serviceUserId"}`. Without policies it may do nothing."""
    policies = event.get("policies", [])
    if not isinstance(policies, list) or not all(isinstance(policy, str) for policy in policies):
        raise InvalidInputError("policies must be an array of names of permission policies")
    return {"serviceUserId": access.new_service_user(_text(event, "orgId"), _text(event, "name"), policies)}


def create_access_key(event: Mapping[str, Any]) -> dict[str, Any]:
    """`{"orgId", "serviceUserId"}` → `{"apiKey", "apiSecret"}`, the secret for the only time."""
    key = access.new_access_key(_text(event, "orgId"), _text(event, "serviceUserId"))
    return {"apiKey": key.api_key, "apiSecret": key.api_secret}


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{name} is required and must be a string")
    return value


ACTIONS: Final[Mapping[str, Action]] = {
    "createOrganization": create_organization,
    "createServiceUser": create_service_user,
    "createAccessKey": create_access_key,
}

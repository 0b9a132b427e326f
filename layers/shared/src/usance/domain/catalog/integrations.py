"""Rules of integration configurations (platform.md 10.1)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError

NOTIFICATION: Final = "notification"
WEBHOOK: Final = "webhook"


def check_integration(proposal: Proposal) -> Mapping[str, Any]:
    """What this deployment can run must be there; what it cannot is kept, but not authorized."""
    new, old = proposal.new, proposal.old or {}
    to_webhook = new["destination"].lower() == WEBHOOK
    if new["entityType"].lower() == NOTIFICATION and "entityId" in new and not proposal.many("notifications"):
        raise InvalidInputError(f"entityId: there is no notification configuration {new['entityId']}")
    if to_webhook and "destinationId" not in new:
        raise InvalidInputError("destinationId is required for destination Webhook")
    if to_webhook and not proposal.many("webhooks"):
        raise InvalidInputError(f"destinationId: there is no webhook {new['destinationId']}")
    return {"authorized": to_webhook, "enabled": new.get("enabled", old.get("enabled", True)), "triggerType": "EVENT"}

"""Rules of integration configurations (platform.md 10.1)."""

from collections.abc import Mapping
from typing import Any, Final

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.ids import derived_id

NOTIFICATION: Final = "notification"
WEBHOOK: Final = "webhook"


def check_integration(proposal: Proposal) -> Mapping[str, Any]:
    """What this deployment can run must be there; what it cannot is kept, but not authorized."""
    new, old = proposal.new, proposal.old or {}
    to_webhook = new["destination"].lower() == WEBHOOK
    of_rule = new["entityType"].lower() == NOTIFICATION and "entityId" in new
    if of_rule and not proposal.many("notifications"):
        raise InvalidInputError(f"entityId: there is no notification configuration {new['entityId']}")
    if to_webhook and "destinationId" not in new:
        raise InvalidInputError("destinationId is required for destination Webhook")
    if to_webhook and not proposal.many("webhooks"):
        raise InvalidInputError(f"destinationId: there is no webhook {new['destinationId']}")
    _check_credentials(proposal)
    return {
        "authorized": to_webhook and of_rule,
        "enabled": new.get("enabled", old.get("enabled", True)),
        "triggerType": "EVENT",
    }


def _check_credentials(proposal: Proposal) -> None:
    """Credentials that are sent get an id of their own, by which later updates keep them."""
    new, old = proposal.new, proposal.old or {}
    own, named = derived_id(new["id"], "credentials"), new.get("integrationCredentialsId")
    if "credentials" in new and named not in {None, own}:
        raise InvalidInputError("integrationCredentialsId: leave it out where credentials are sent, or leave those out")
    if "credentials" not in new and named == own and old.get("integrationCredentialsId") != own:
        raise InvalidInputError(
            f"integrationCredentialsId: the credentials {own} are not kept any more; send them again"
        )

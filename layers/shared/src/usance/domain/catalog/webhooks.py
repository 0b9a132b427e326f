"""Webhook destinations (platform.md 9.1)."""

from collections.abc import Mapping
from typing import Any

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.ids import derived_id


def describe_credentials(proposal: Proposal) -> Mapping[str, Any]:
    """The credentials say what they belong to, as other credentials of the API do."""
    new = proposal.new
    described = {
        **new["credentials"],
        "id": derived_id(new["id"], "credentials"),
        "destination": "WEBHOOK",
        "destinationId": new["id"],
        "version": new["version"],
    }
    return {"credentials": described}

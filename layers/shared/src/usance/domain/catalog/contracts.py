"""Rules of contracts (billing.md 7)."""

from collections.abc import Mapping
from typing import Any

from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import InvalidInputError


def check_owner(proposal: Proposal) -> Mapping[str, Any]:
    """The account stays while anything of the account is linked to the contract."""
    if proposal.changed("accountId"):
        for name in ("account_plans", "commitments", "balances", "charges"):
            for linked in proposal.many(name):
                raise InvalidInputError(f"accountId cannot change while {linked['id']} is linked to the contract")
    return {}

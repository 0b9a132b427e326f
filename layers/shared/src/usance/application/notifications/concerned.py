"""Which account an entity concerns: what lists of events, and the options of integrations, go by."""

from collections.abc import Mapping
from typing import Any

from usance.application.ports.entities import EntityRepository
from usance.domain.notifications.changes import HOLDERS

ACCOUNT = "account"
BALANCE = "balance"


def account_of(org_id: str, type_: str, entity: Mapping[str, Any], entities: EntityRepository) -> str | None:
    """The account that it is, that it names, or that has the balance in which it lies.

    None for what has none, and for what lay in a balance that is gone.
    """
    if type_ == ACCOUNT:
        return str(entity["id"])
    found = entity.get("accountId")
    balance_id = entity.get("balanceId")
    if not found and balance_id and "balanceId" in HOLDERS.get(type_, {}):
        found = (entities.get(org_id, BALANCE, balance_id) or {}).get("accountId")
    return found if isinstance(found, str) else None

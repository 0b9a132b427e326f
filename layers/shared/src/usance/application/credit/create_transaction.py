"""Put a transaction on a balance."""

from collections.abc import Mapping
from typing import Any, Final

from usance.application.access.authorize import require, require_undenied
from usance.application.audit import created, updated
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.application.entities.prepare import prepare
from usance.application.entities.store import PAUSES_MAX
from usance.application.ports.entities import StaleGuardError
from usance.domain.access import Action, Caller
from usance.domain.catalog.balances import amount_after
from usance.domain.kernel.errors import UnavailableError, VersionConflictError
from usance.resources.balance import BALANCE
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 10  # rivals for one balance; each round lets one of them pass


def create_transaction(ports: EntityPorts, caller: Caller, balance_id: str, body: Mapping[str, Any]) -> Document:
    """The new transaction. It and the new amount of the balance, whose version moves on, are written together.

    `NotFoundError` when there is no such balance; `InvalidInputError` for a field, or an amount that the balance
    does not cover.
    """
    require(caller, Action.CONFIG_CREATE, BALANCE_TRANSACTION.type)
    require_undenied(caller, BALANCE.type, balance_id, Action.CONFIG_UPDATE)
    sent = document_of(validated(BALANCE_TRANSACTION.model, body))
    made_by = {"balanceId": balance_id, "entityType": caller.principal_type, "entityId": caller.principal_id}
    id_ = ports.ids.new()
    for attempt in range(ATTEMPTS_MAX):
        now = ports.clock.now()
        transaction = created({**sent, **made_by}, id_, caller.audit_name, now)
        old = find(ports, caller.org_id, BALANCE, balance_id)
        left = amount_after(old, transaction, negative_allowed=_negative_allowed(ports, caller.org_id))
        kept = {name: value for name, value in old.items() if name not in {"id", "version"}}
        new = updated(kept, old, caller.audit_name, now)
        changes = [
            prepare(ports, caller.org_id, BALANCE_TRANSACTION, transaction, None),
            prepare(ports, caller.org_id, BALANCE, new, {**old, "amount": left}),
        ]
        try:
            ports.entities.commit(caller.org_id, changes)
        except (StaleGuardError, VersionConflictError):
            if attempt + 1 < ATTEMPTS_MAX:
                ports.pause(min(attempt, PAUSES_MAX))
            continue
        return transaction
    raise UnavailableError(f"the balance {balance_id} keeps changing; repeat the request")


def _negative_allowed(ports: EntityPorts, org_id: str) -> bool:
    config = ports.entities.get(org_id, "organizationConfig", org_id)
    return bool(config and config.get("allowNegativeBalances"))

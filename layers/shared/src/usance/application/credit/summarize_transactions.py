"""Sum up the transactions of a balance."""

from usance.application.access.authorize import require, require_some
from usance.application.entities.find import find
from usance.application.entities.ports import EntityPorts
from usance.domain.access import Action, Caller
from usance.domain.catalog.balances import summary
from usance.resources.balance import BALANCE
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.wire import Document


def summarize_transactions(ports: EntityPorts, caller: Caller, balance_id: str) -> Document:
    """What the balance was given, what was taken and what expired, as of now (billing.md 9.4)."""
    require(caller, Action.CONFIG_RETRIEVE, BALANCE.type, balance_id)
    require_some(caller, Action.CONFIG_RETRIEVE, BALANCE_TRANSACTION.type)
    balance = find(ports, caller.org_id, BALANCE, balance_id)
    made = ports.entities.list_all(caller.org_id, BALANCE_TRANSACTION.type, filters={"balanceId": [balance_id]})
    return dict(summary(balance, made, ports.clock.now()))

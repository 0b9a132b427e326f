"""Transactions: what was put on a balance and what was taken off it (billing.md 9.2)."""

from typing import Final

from usance.domain.catalog.balances import drawn_balance
from usance.resources.fields import CurrencyCode, DateTime, Description, Id, Noun, Number
from usance.resources.resource import Filter, Index, Ref, Resource, Verb, Within

ENTITY_TYPES: Final = ("BILL", "COMMITMENT", "USER", "SERVICE_USER", "SCHEDULER")


class BalanceTransaction(Noun):
    """A transaction. A negative amount takes off the balance; what was paid for it is only recorded."""

    amount: Number
    description: Description | None = None
    transaction_type_id: Id | None = None
    applied_date: DateTime | None = None
    transaction_date: DateTime | None = None
    paid: Number | None = None
    currency_paid: CurrencyCode | None = None


BALANCE_TRANSACTION: Final = Resource(
    type="balanceTransaction",
    path="balances/{balanceId}/transactions",
    model=BalanceTransaction,
    title="Balance transaction",
    verbs=frozenset({Verb.LIST}),  # a transaction is made together with the balance that it moves
    within=Within("balanceId", "balance"),
    indexes=(
        Index("balanceId"),
        Index("drawnBalanceId", compute=drawn_balance),
        Index("transactionTypeId"),
        Index("entityType"),
        Index("entityId"),
    ),
    filters=(
        Filter("transactionTypeId", "transactionTypeId", "Only the transactions of this type."),
        Filter("entityType", "entityType", "Only what this kind of entity did.", choices=ENTITY_TYPES),
        Filter("entityId", "entityId", "Only what this entity did."),
    ),
    references=(Ref("balanceId", "balance"), Ref("transactionTypeId", "transactionType")),
    page_size_max=200,
    answers={
        "balanceId": {"type": "string", "description": "The balance."},
        "entityType": {
            "type": "string",
            "enum": list(ENTITY_TYPES),
            "description": "What kind of entity made the transaction.",
        },
        "entityId": {"type": "string", "description": "Who or what made the transaction."},
    },
)

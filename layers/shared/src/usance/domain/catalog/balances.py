"""Rules of balances and their transactions (billing.md 9)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Any, Final

from usance.domain.catalog.moments import instant
from usance.domain.catalog.proposal import Entity, Proposal
from usance.domain.catalog.windows import ends_within
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import EXACT, ZERO

UNLINKED: Final = "none"
DRAW_DOWN: Final = "BILL"


def linked_contract(proposal: Proposal) -> Iterable[str]:
    """The contract of the balance; a word of its own when there is none, for lists that ask for such."""
    return (proposal.new.get("contractId", UNLINKED),)


def check_balance(proposal: Proposal) -> Mapping[str, Any]:
    """What is rolled over has an end, after the balance's own. What is left is kept, and what it is in while it is."""
    new, old = proposal.new, proposal.old or {}
    if "rolloverAmount" in new and "rolloverEndDate" not in new:
        raise InvalidInputError("rolloverEndDate is required with rolloverAmount")
    if "rolloverEndDate" in new and instant(new["rolloverEndDate"]) <= instant(new["endDate"]):
        raise InvalidInputError("rolloverEndDate must be later than endDate")
    amount = old.get("amount", ZERO)
    if amount and proposal.changed("currency"):
        raise InvalidInputError(f"currency cannot change while {amount} is left on the balance")
    if proposal.changed("accountId") and (amount or proposal.many("charges")):
        raise InvalidInputError("accountId cannot change once the balance has an amount or charges")
    return {"amount": amount}


def balance_asked(balance: Entity, parameters: Mapping[str, str], _now: str) -> bool:
    """Whether a list shows the balance; one that rolls over ends when its rollover does."""
    return ends_within(balance.get("rolloverEndDate", balance["endDate"]), parameters)


def drawn_balance(proposal: Proposal) -> Iterable[str]:
    """The balance that a bill drew on by this transaction; none for other transactions."""
    return (proposal.new["balanceId"],) if proposal.new["entityType"] == DRAW_DOWN else ()


def amount_after(balance: Entity, transaction: Entity, *, negative_allowed: bool) -> Decimal:
    """What is left after a transaction. `InvalidInputError` when that is below zero and the balance may not be."""
    left = EXACT.add(balance["amount"], transaction["amount"])
    if left < 0 and transaction["amount"] < 0 and not (balance.get("allowOverdraft") or negative_allowed):
        raise InvalidInputError(f"amount: {left} would be left on the balance, which may not fall below 0")
    return left


def summary(balance: Entity, transactions: Sequence[Entity], now: datetime) -> Mapping[str, Decimal]:
    """What a balance was given, what was taken and what expired (billing.md 9.4). `now` is aware.

    Draw-downs count to the balance before its end, to the rollover from then on. Bills draw on whatever was ever put onto a
    balance; what was put there, or taken off by hand, after its end changes by as much what is rolled over.
    """
    end = instant(balance["endDate"])
    amounts = [transaction["amount"] for transaction in transactions]
    drawn = [(_at(one), -one["amount"]) for one in transactions if one["entityType"] == DRAW_DOWN]
    first = min((one for one in transactions if one["amount"] > 0), key=_at, default=None)
    rolled_over = _total(amount for at, amount in drawn if at >= end)
    left = EXACT.add(_total(amounts), rolled_over)
    moved = _total(one["amount"] for one in transactions if one["entityType"] != DRAW_DOWN and _at(one) >= end)
    return {
        "totalCreditAmount": _total(amount for amount in amounts if amount > 0),
        "totalDebitAmount": _total(-amount for amount in amounts if amount < 0),
        "initialCreditAmount": first["amount"] if first else ZERO,
        "balanceConsumed": _total(amount for at, amount in drawn if at < end),
        "rolloverConsumed": rolled_over,
        "expiredBalanceAmount": _expired(balance, max(left, ZERO), moved, rolled_over, now),
    }


def _expired(balance: Entity, left: Decimal, moved: Decimal, rolled_over: Decimal, now: datetime) -> Decimal:
    """Of what was left at the end, and was `moved` since: what was not rolled over, and in the end what was and was not used."""
    if now < instant(balance["endDate"]):
        return ZERO
    if "rolloverEndDate" not in balance:
        return left
    most = EXACT.add(balance["rolloverAmount"], moved) if "rolloverAmount" in balance else left
    kept = max(min(left, most), ZERO)
    unused = max(EXACT.subtract(kept, rolled_over), ZERO) if now >= instant(balance["rolloverEndDate"]) else ZERO
    return EXACT.add(EXACT.subtract(left, kept), unused)


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, ZERO)


def _at(transaction: Entity) -> datetime:
    """When a transaction takes effect: as applied, else as made."""
    return instant(transaction.get("appliedDate") or transaction["dtCreated"])

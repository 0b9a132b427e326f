"""What a stored bill has drawn, and the changes that a new calculation or a deletion makes of it (billing.md 9.2).

A bill keeps beside its header what it took off each credit. It is written in one transaction with what is left of the
credits and with the transactions of balances, each under the condition that nobody changed the credit since it was read.
So every draw is on a bill exactly once: whoever calculates or deletes the bill next knows what to give back, and of two
bills that want the same credit one decides again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Self

from usance.application.audit import created
from usance.application.entities.puts import entity_put
from usance.application.ports.entities import Delete, EntityRepository, Put
from usance.domain.billing.credit import CreditKind, Draw, Phase
from usance.domain.catalog.balances import DRAW_DOWN
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.ids import dated_id
from usance.domain.kernel.quantity import EXACT, ZERO
from usance.resources import instants, wire
from usance.resources.balance import BALANCE
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.commitment import COMMITMENT
from usance.resources.resource import Resource
from usance.resources.wire import Document

DRAWS: Final = "draws"  # beside the header of a bill that draws
RESOURCES: Final[Mapping[CreditKind, Resource]] = {CreditKind.PREPAYMENT: COMMITMENT, CreditKind.BALANCE: BALANCE}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a bill takes off credits, as it is kept beside the bill."""

    draws: tuple[Draw, ...] = ()

    @classmethod
    def of(cls, private: Mapping[str, str]) -> Self:
        """What a stored bill drew, from the text beside it."""
        rows = wire.loads(private[DRAWS]) if DRAWS in private else ()
        return cls(tuple(_draw(row) for row in rows))

    def private(self) -> dict[str, str]:
        """The text to keep beside the bill; none when it draws nothing."""
        return {DRAWS: wire.dumps([_row(draw) for draw in self.draws]).decode()} if self.draws else {}

    def taken(self, kind: CreditKind, credit_id: str) -> Decimal:
        """What it takes off a credit, in the credit's currency."""
        of_it = (draw.amount for draw in self.draws if (draw.kind, draw.credit_id) == (kind, credit_id))
        return sum(of_it, ZERO)

    def ids(self, kind: CreditKind) -> Sequence[str]:
        """The credits of a kind that it draws on."""
        return list(dict.fromkeys(draw.credit_id for draw in self.draws if draw.kind is kind))


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes the ledger, when, and for which bill."""

    org_id: str
    bill_id: str
    bill_day: date
    by: str
    at: datetime


def changes(
    entities: EntityRepository,
    documents: Mapping[str, Document],
    old: Drawn,
    new: Drawn,
    author: Author,
) -> Sequence[Put | Delete]:
    """What to commit together with a bill that drew `old` and shall draw `new`; nothing when they are equal.

    `documents` are the commitments and balances that `new` was decided on, by id. One that is gone is given nothing back.
    """
    if old == new:
        return ()
    found: list[Put | Delete] = []
    for kind, resource in RESOURCES.items():
        for id_ in dict.fromkeys((*old.ids(kind), *new.ids(kind))):
            document = documents.get(id_)
            more = EXACT.subtract(new.taken(kind, id_), old.taken(kind, id_))
            if document is not None and (more or _rows(old, id_) != _rows(new, id_)):
                found.append(_moved(resource, document, _after(kind, document, more), author))
    return [*found, *_transactions(entities, documents, old, new, author)]


def _after(kind: CreditKind, document: Document, more: Decimal) -> Document:
    """What is left of a credit when `more` is taken off it."""
    match kind:
        case CreditKind.PREPAYMENT:
            return {"amountSpent": EXACT.add(document.get("amountSpent", ZERO), more)}
        case CreditKind.BALANCE:
            return {"amount": EXACT.subtract(document["amount"], more)}


def _moved(resource: Resource, old: Document, fields: Document, author: Author) -> Put:
    """`old` with `fields` as its next version. What it refers to was checked when it was made."""
    at = {"dtLastModified": instants.to_text(author.at), "lastModifiedBy": author.by}
    new = {**old, **fields, **at, "version": int(old["version"]) + 1}
    return replace(entity_put(resource, Proposal(new, old)), references=())


def _transactions(
    entities: EntityRepository,
    documents: Mapping[str, Document],
    old: Drawn,
    new: Drawn,
    author: Author,
) -> Sequence[Put | Delete]:
    """The changes of the ledgers of balances: one transaction for each draw, under an id that follows from it."""
    before, after = _by_transaction(old, author), _by_transaction(new, author)
    type_ = BALANCE_TRANSACTION.type
    stored = {one["id"]: one for one in entities.get_many(author.org_id, type_, sorted(before))} if before else {}
    found: list[Put | Delete] = []
    for id_, draw in after.items():
        if draw.credit_id not in documents or (id_ in stored and before[id_] == draw):
            continue
        fields = {
            "balanceId": draw.credit_id,
            "entityType": DRAW_DOWN,
            "entityId": author.bill_id,
            "amount": -draw.amount,
            "description": draw.description,
            "appliedDate": instants.to_text(draw.applied),
        }
        if id_ in stored:
            found.append(_moved(BALANCE_TRANSACTION, stored[id_], fields, author))
        else:
            made = created(fields, id_, author.by, author.at)
            found.append(replace(entity_put(BALANCE_TRANSACTION, Proposal(made, None)), references=()))
    gone = [stored[id_] for id_ in before if id_ in stored and id_ not in after]
    return [*found, *(Delete(type_, one["id"], int(one["version"])) for one in gone)]


def _by_transaction(drawn: Drawn, author: Author) -> Mapping[str, Draw]:
    return {
        dated_id(author.bill_day, "draw", author.bill_id, draw.credit_id, draw.phase): draw
        for draw in drawn.draws
        if draw.kind is CreditKind.BALANCE
    }


def _rows(drawn: Drawn, credit_id: str) -> Sequence[Draw]:
    return [draw for draw in drawn.draws if draw.credit_id == credit_id and draw.kind is CreditKind.BALANCE]


def _row(draw: Draw) -> Document:
    return {
        "kind": draw.kind,
        "id": draw.credit_id,
        "phase": draw.phase,
        "amount": str(draw.amount),
        "applied": draw.applied.isoformat(),
        "description": draw.description,
    }


def _draw(row: Document) -> Draw:
    return Draw(
        CreditKind(row["kind"]),
        row["id"],
        Phase(row["phase"]),
        Decimal(row["amount"]),
        datetime.fromisoformat(row["applied"]),
        row["description"],
    )

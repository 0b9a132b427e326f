"""Draws on more credits than the transaction of a bill has room for (decisions/0018).

They are taken before the bill is stored, some credits at a time. A record of what the bill has drawn so far changes in each
of these transactions, and goes in the one that stores the bill. While there is a record it tells what is drawn, and not the
bill: whoever comes next upon the bill goes on from there, or gives back what the bill does not have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from usance.application.billing.credits.book import AHEAD, Book, drawn_so_far, read_ahead, read_drawn
from usance.application.billing.credits.ledger import Author, Drawn, changes
from usance.application.ports.bills import BillRepository, StoredBill
from usance.application.ports.entities import Delete, EntityRepository, Put
from usance.domain.billing.credit import CreditKind
from usance.domain.kernel.errors import VersionConflictError
from usance.resources.balance_transaction import BALANCE_TRANSACTION
from usance.resources.wire import Document

CREDITS_AT_ONCE: Final = 7  # a balance and its rollover are 13 rows, of the hundred of a transaction
BESIDE_MAX: Final = 40  # rows beside a bill, which itself has some twenty, and may have sixty of the hundred
ROWS_OF_TRANSACTION: Final = 6  # of a balance's ledger: itself, and those it is found by


def rows_of(changed: Sequence[Put | Delete]) -> int:
    """How many rows of a transaction changes of credits take, at most."""
    return sum(ROWS_OF_TRANSACTION if one.type == BALANCE_TRANSACTION.type else 1 for one in changed)


def drawn_ahead(
    entities: EntityRepository, org_id: str, book: Book, new: Drawn, author: Author, *, beside: int
) -> tuple[Book, Sequence[Put | Delete]]:
    """What is left to commit with a bill that shall draw `new`, `beside` so many other rows; and the book after the rest.

    Raises `VersionConflictError` or `NotFoundError` when a credit is not as it was read.
    """
    left = changes(entities, org_id, book.documents, book.drawn, new, author)
    ended = [Delete(AHEAD, author.bill_id, int(book.ahead["version"]))] if book.ahead else []
    if rows_of(left) + beside <= BESIDE_MAX:
        return book, [*left, *ended]
    record = _walk(entities, org_id, book.documents, (book.ahead, book.drawn, new), author)
    return replace(book, drawn=new, ahead=record), [Delete(AHEAD, author.bill_id, int(record["version"]))]


def give_back_all(entities: EntityRepository, org_id: str, stored: StoredBill, author: Author) -> None:
    """Take the draws of a bill that is going to be deleted off its credits, some at a time; the record is left."""
    record, drawn, documents = _as_of_now(entities, org_id, author.bill_id, stored)
    _walk(entities, org_id, documents, (record, drawn, Drawn()), author)


def settle(entities: EntityRepository, bills: BillRepository, org_id: str, author: Author) -> None:
    """Give back what a calculation drew that was not stored, so that credits are as the bill has them."""
    if read_ahead(entities, org_id, author.bill_id) is None:
        return
    stored = bills.get_stored(org_id, author.bill_id)
    record, drawn, documents = _as_of_now(entities, org_id, author.bill_id, stored)
    was = Drawn.of(stored.private) if stored else Drawn()
    more = {**documents, **read_drawn(entities, org_id, was, documents)}
    record = _walk(entities, org_id, more, (record, drawn, was), author)
    entities.commit(org_id, [Delete(AHEAD, author.bill_id, int(record["version"]))])


def given_back(entities: EntityRepository, org_id: str, stored: StoredBill, author: Author) -> Sequence[Put | Delete]:
    """What to commit with the deletion of a bill."""
    record, drawn, documents = _as_of_now(entities, org_id, author.bill_id, stored)
    ended = [Delete(AHEAD, author.bill_id, int(record["version"]))] if record else []
    return [*changes(entities, org_id, documents, drawn, Drawn(), author), *ended]


def _as_of_now(
    entities: EntityRepository, org_id: str, bill_id: str, stored: StoredBill | None
) -> tuple[Document | None, Drawn, Mapping[str, Document]]:
    """The record, what is drawn, and the credits that it is drawn on. `VersionConflictError` when that changed meanwhile."""
    record = read_ahead(entities, org_id, bill_id)
    drawn = drawn_so_far(record, Drawn.of(stored.private) if stored else Drawn())
    documents = read_drawn(entities, org_id, drawn, {})
    if read_ahead(entities, org_id, bill_id) != record:
        raise VersionConflictError(f"the bill {bill_id} is being calculated; read it again")
    return record, drawn, documents


def _walk(
    entities: EntityRepository,
    org_id: str,
    documents: Mapping[str, Document],
    way: tuple[Document | None, Drawn, Drawn],
    author: Author,
) -> Document:
    """Change what the bill has drawn, by way of its record, from one `Drawn` to another; the record as it is then."""
    record, now, new = way
    moved = [key for key in dict.fromkeys([*_keys(now), *_keys(new)]) if _of(now, [key]) != _of(new, [key])]
    for start in range(0, max(len(moved), 1), CREDITS_AT_ONCE):
        keys = moved[start : start + CREDITS_AT_ONCE]
        before, after = _of(now, keys), _of(new, keys)
        now = Drawn((*(draw for draw in now.draws if (draw.kind, draw.credit_id) not in keys), *after.draws))
        version = int(record["version"]) if record else 0
        fields = {"id": author.bill_id, "version": version + 1, **now.private()}
        taken = changes(entities, org_id, documents, before, after, author)
        entities.commit(org_id, [Put(AHEAD, fields, version or None), *taken])
        record = fields
    assert record is not None  # the loop runs at least once
    return record


def _keys(drawn: Drawn) -> Sequence[tuple[CreditKind, str]]:
    return [(draw.kind, draw.credit_id) for draw in drawn.draws]


def _of(drawn: Drawn, keys: Sequence[tuple[CreditKind, str]]) -> Drawn:
    """The part of `drawn` that is taken off these credits."""
    return Drawn(tuple(draw for draw in drawn.draws if (draw.kind, draw.credit_id) in keys))

"""Draws on more credits than the transaction of a bill has room for (decisions/0018).

What a bill draws more than before is taken before the bill is stored, some credits at a time, and what it draws less is
given back after it is stored. So no credit ever has more than stored bills leave it, and nobody else can spend what a bill
pays with. A record of what is drawn changes in each of these transactions. While there is a record it tells what is drawn,
and not the bill: whoever comes next upon the bill goes on from there, or gives back what the bill does not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from usance.application.billing.credits.ledger import Author, Drawn, changes
from usance.application.billing.credits.on_record import AHEAD, Standing, read_record, read_standing
from usance.application.billing.stores import BillingStores
from usance.application.billing.values import day
from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import Delete, EntityRepository, Guard, Put
from usance.domain.billing.credit import CreditKind
from usance.domain.kernel.errors import VersionConflictError
from usance.resources import instants
from usance.resources.balance_transaction import BALANCE_TRANSACTION

CREDITS_AT_ONCE: Final = 7  # a balance and its rollover are 13 rows, of the hundred of a transaction
BESIDE_MAX: Final = 40  # rows beside a bill, which itself has some twenty, and may have sixty of the hundred
ROWS_OF_TRANSACTION: Final = 6  # of a balance's ledger: itself, and those it is found by


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to commit with a change of a bill, under which guards. `owing`: afterwards `settle` is to give back the rest."""

    beside: Sequence[Put | Delete] = ()
    guards: Sequence[Guard] = ()
    owing: bool = False


def rows_of(changed: Sequence[Put | Delete]) -> int:
    """How many rows of a transaction changes of credits take, at most."""
    return sum(ROWS_OF_TRANSACTION if one.type == BALANCE_TRANSACTION.type else 1 for one in changed)


def drawn_ahead(
    stores: BillingStores, standing: Standing, new: Drawn, stored: StoredBill | None, author: Author, *, beside: int
) -> Drawing:
    """What to store a bill with that shall draw `new`, `beside` so many other rows. What does not fit is drawn now.

    `stored` is the bill as it was before `standing` was read. Raises `VersionConflictError` or `NotFoundError` when it or a credit
    is not as it was read.
    """
    left = _changes(stores.entities, standing, new, author)
    if not left and standing.record is None:
        return Drawing()
    if rows_of(left) + beside > BESIDE_MAX:
        _require_as_read(stores, author, stored)
        keys = _keys(standing.drawn, new)
        more = Drawn(tuple(draw for key in keys for draw in _larger(standing.drawn, new, key).draws))
        standing = _walk(stores.entities, standing, more, author)
        left = _changes(stores.entities, standing, new, author)
    return _drawing(left, standing, author, beside=beside)


def given_back(entities: EntityRepository, stored: StoredBill, author: Author, *, beside: int) -> Drawing:
    """What to commit with the deletion of a bill, `beside` so many other rows."""
    standing = read_standing(entities, author.org_id, author.bill_id, Drawn.of(stored.private), {})
    if not standing.drawn.draws and standing.record is None:
        return Drawing()
    return _drawing(_changes(entities, standing, Drawn(), author), standing, author, beside=beside)


def settle(stores: BillingStores, org_id: str, bill_id: str, by: str, at: datetime) -> None:
    """Give back what is drawn for a bill, according to its record, that the bill as it is stored does not draw.

    Raises `VersionConflictError` or `NotFoundError` when anything of it changes meanwhile.
    """
    entities = stores.entities
    if read_record(entities, org_id, bill_id) is None:
        return
    standing = read_standing(entities, org_id, bill_id, Drawn(), {})
    if standing.record is None:
        return
    stored = stores.bills.get_stored(org_id, bill_id)
    billed = Drawn.of(stored.private) if stored else Drawn()
    author = Author(org_id, bill_id, day(standing.record["billDay"]), by, at)
    standing = _walk(entities, standing, billed, author)
    entities.commit(org_id, [replace(one, guards=[standing.guard]) for one in _ended(standing)])


def _changes(entities: EntityRepository, standing: Standing, new: Drawn, author: Author) -> Sequence[Put | Delete]:
    return changes(entities, standing.documents, standing.drawn, new, author)


def _require_as_read(stores: BillingStores, author: Author, stored: StoredBill | None) -> None:
    """The bill was read before the guard; a draw on record before it is stored must not start from one that is gone."""
    now = stores.bills.get_stored(author.org_id, author.bill_id)
    if (now and now.header["version"]) != (stored and stored.header["version"]):
        raise VersionConflictError(f"the bill {author.bill_id} changed meanwhile; read it again")


def _drawing(left: Sequence[Put | Delete], standing: Standing, author: Author, *, beside: int) -> Drawing:
    """`left` with the end of the record; or when that is too much, the record, and `left` is to be done afterwards."""
    if rows_of(left) + beside > BESIDE_MAX:
        return Drawing([_record(standing, author)], [standing.guard], owing=True)
    return Drawing([*left, *_ended(standing)], [standing.guard])


def _ended(standing: Standing) -> Sequence[Delete]:
    record = standing.record
    return [Delete(AHEAD, record["id"], int(record["version"]))] if record else []


def _record(standing: Standing, author: Author) -> Put:
    """The next version of the record; it says what `standing` has drawn."""
    version = int(standing.record["version"]) if standing.record else 0
    fields = {
        "id": author.bill_id,
        "version": version + 1,
        "billDay": author.bill_day.isoformat(),
        "dtLastModified": instants.to_text(author.at),
        **standing.drawn.private(),
    }
    return Put(AHEAD, fields, version or None)


def _walk(entities: EntityRepository, standing: Standing, new: Drawn, author: Author) -> Standing:
    """Change what the bill has drawn to `new`, by way of its record; how it stands then."""
    moved = [key for key in _keys(standing.drawn, new) if _of(standing.drawn, [key]) != _of(new, [key])]
    for start in range(0, len(moved), CREDITS_AT_ONCE):
        keys = moved[start : start + CREDITS_AT_ONCE]
        before, after = _of(standing.drawn, keys), _of(new, keys)
        others = [draw for draw in standing.drawn.draws if (draw.kind, draw.credit_id) not in keys]
        standing = replace(standing, drawn=Drawn((*others, *after.draws)))
        record = replace(_record(standing, author), guards=[standing.guard])
        entities.commit(author.org_id, [record, *changes(entities, standing.documents, before, after, author)])
        guard = replace(standing.guard, seen=standing.guard.seen + 1)
        standing = replace(standing, record=record.document, guard=guard)
    return standing


def _larger(drawn: Drawn, new: Drawn, key: tuple[CreditKind, str]) -> Drawn:
    """What is taken off a credit by the one of two that takes more of it."""
    return _of(drawn if drawn.taken(*key) > new.taken(*key) else new, [key])


def _keys(*all_drawn: Drawn) -> Sequence[tuple[CreditKind, str]]:
    """The credits of all of them, each once."""
    return list(dict.fromkeys((draw.kind, draw.credit_id) for drawn in all_drawn for draw in drawn.draws))


def _of(drawn: Drawn, keys: Sequence[tuple[CreditKind, str]]) -> Drawn:
    """The part of `drawn` that is taken off these credits."""
    return Drawn(tuple(draw for draw in drawn.draws if (draw.kind, draw.credit_id) in keys))

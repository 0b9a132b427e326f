"""What a bill has drawn, of which a record tells while its draws are not those of the stored bill (decisions/0018)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from usance.application.billing.credits.ledger import DRAWS, RESOURCES, Drawn
from usance.application.ports.entities import EntityRepository, Guard
from usance.resources.wire import Document

AHEAD: Final = "billDraws"  # the type of the record, which has the bill's id; see `ahead`


@dataclass(frozen=True, slots=True)
class Standing:
    """What a bill has drawn, with the record of it when that is not as the bill was stored.

    It changes under `guard`: of two who change it one decides again. `documents` are credits by their ids, among them those it is
    drawn on, but for what is gone.
    """

    drawn: Drawn
    record: Document | None
    guard: Guard
    documents: Mapping[str, Document]


def read_standing(
    entities: EntityRepository, org_id: str, bill_id: str, billed: Drawn, known: Mapping[str, Document]
) -> Standing:
    """How it stands with a bill which as it is stored has drawn `billed`; `known` are credits that have been read, by their ids.

    The guard comes before the record, and credits that come before it are ones that have moved if the record has.
    """
    guard = draws_guard(entities, org_id, bill_id)
    record = read_record(entities, org_id, bill_id)
    drawn = billed if record is None else drawn_by(record)
    return Standing(drawn, record, guard, {**known, **_read_drawn(entities, org_id, drawn, known)})


def draws_guard(entities: EntityRepository, org_id: str, bill_id: str) -> Guard:
    """To read before what a bill has drawn, and to name in each change of that."""
    return entities.read_guard(org_id, f"draws of bill {bill_id}")


def read_record(entities: EntityRepository, org_id: str, bill_id: str) -> Document | None:
    """The record, or None while the bill has drawn what it is stored with."""
    return entities.get(org_id, AHEAD, bill_id)


def drawn_by(record: Document) -> Drawn:
    """What the record says."""
    return Drawn.of({name: record[name] for name in (DRAWS,) if name in record})


def _read_drawn(
    entities: EntityRepository, org_id: str, drawn: Drawn, known: Mapping[str, Document]
) -> Mapping[str, Document]:
    found: dict[str, Document] = {}
    for kind, resource in RESOURCES.items():
        ids = [id_ for id_ in drawn.ids(kind) if id_ not in known]
        found |= {one["id"]: one for one in entities.get_many(org_id, resource.type, ids)} if ids else {}
    return found

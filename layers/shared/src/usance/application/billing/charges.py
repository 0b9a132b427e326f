"""The charges of an account: which bill each one goes onto, and the mark that it is there (billing.md 10).

A charge carries the id of its bill (`billId`) from when it is on that bill until the bill is deleted. A charge without one
goes onto the account's bill of its `billDate`. Both change in one transaction, on condition that the charge is as it was
when the bill was decided: no charge is ever on two bills, or on one that does not have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.contract_terms import grouping_of
from usance.application.billing.convert_charges import charge_of
from usance.application.billing.stores import SCHEDULER, BillingStores
from usance.application.billing.values import day
from usance.application.entities.puts import entity_put
from usance.application.ports.entities import EntityRepository, Put
from usance.domain.billing.attached import Attachment
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.dated import Charge
from usance.domain.billing.windows import closing_window, starting_window
from usance.domain.catalog.proposal import Proposal
from usance.resources import instants
from usance.resources.charge import CHARGE
from usance.resources.wire import Document

ROWS_OF_CHARGE: Final = 3  # itself, and two by which it is found
NAMED_MAX: Final = 5  # in one sentence: the message of an event has room for a few
AT_ONCE_MAX: Final = 10  # of the hundred rows of a transaction that also holds the bill and its credits


@dataclass(slots=True)
class Unbilled:
    """The charges of an account that are on no bill yet, as one run over the account reads them.

    Bills take them, so that they are read for each bill, until there are none: most accounts have no charges.
    """

    entities: EntityRepository
    org_id: str
    account_id: str
    seen: dict[str, Document] = field(default_factory=dict)
    """By id, as they were read last."""
    _gone: bool = False

    def read(self) -> Sequence[Document]:
        """Those there are now, oldest first."""
        if self._gone:
            return ()
        found = self.entities.list_all(self.org_id, CHARGE.type, filters={"unbilledOf": [self.account_id]})
        self.seen = {str(charge["id"]): charge for charge in found}
        self._gone = not found
        return sorted(found, key=lambda charge: str(charge["id"]))


def charges_of(
    catalogue: Catalogue,
    unbilled: Unbilled,
    bill: tuple[str, BillKey],
    attached: Sequence[Attachment],
    zone: tzinfo,
    strays: frozenset[str],
) -> tuple[Charge, ...]:
    """The charges of a bill, given by its id and key: those it has, those that go onto it, and `strays` of its day."""
    bill_id, key = bill
    entities, org_id = catalogue.entities, catalogue.org_id
    documents = [
        *entities.list_all(org_id, CHARGE.type, filters={"billId": [bill_id]}),
        *(
            charge
            for charge in unbilled.read()
            if day(charge["billDate"]) == key.day
            and (charge["id"] in strays or goes_onto(own_key(catalogue, charge), key, attached, zone))
        ),
    ]
    fees = [charge["entityId"] for charge in documents if charge["entityType"] == "BALANCE"]
    balances = {balance["id"]: balance for balance in entities.get_many(org_id, "balance", fees)} if fees else {}
    return tuple(
        charge_of(charge, balances.get(charge.get("entityId", "")), zone)
        for charge in sorted(documents, key=lambda charge: str(charge["id"]))
    )


def own_key(catalogue: Catalogue, charge: Document) -> BillKey:
    """The bill that holds nothing but charges of the day; one for each bill of its own that contracts ask for."""
    return BillKey(BillFrequency.AD_HOC, 1, day(charge["billDate"]), grouping_on(catalogue, charge))


def home_of(own: BillKey, attached: Sequence[Attachment], zone: tzinfo) -> BillKey | None:
    """The bill of a calendar that a charge joins which else were on `own`, or None: no period ends or begins on its day.

    Of several it is the one of the shortest period.
    """
    on, grouping = own.day, own.grouping
    keys = {
        BillKey(BillFrequency(one.calendar.frequency), one.calendar.interval, on, grouping): one.calendar.period(0).days
        for one in attached
        if one.grouping == grouping and (closing_window(one, on, zone) or starting_window(one, on, zone))
    }
    return min(keys, key=lambda key: (keys[key], key), default=None)


def goes_onto(own: BillKey, key: BillKey, attached: Sequence[Attachment], zone: tzinfo) -> bool:
    """Whether a charge of the bill's day, which else were on `own`, goes onto the bill `key`."""
    if key.grouping != own.grouping:
        return False
    home = home_of(own, attached, zone)
    match key.frequency:
        case BillFrequency.AD_HOC:
            return home is None
        case BillFrequency.MIXED:
            return home is not None
        case _:
            return home == key


def grouping_on(catalogue: Catalogue, document: Document) -> str:
    """The bill of its own that the contract of a charge or commitment asks for."""
    contract_id = document.get("contractId")
    return grouping_of(catalogue, catalogue.one("contract", contract_id)) if contract_id else ""


def part_taken(charges: Sequence[Charge], bill_id: str) -> tuple[Charge, ...]:
    """Those of `charges` that the bill may be stored with in one transaction: all it has, and as many more as fit.

    The rest is for the next time that the bill is stored.
    """
    waiting = [charge.id for charge in charges if charge.bill_id != bill_id]
    later = frozenset(waiting[AT_ONCE_MAX:])
    return tuple(charge for charge in charges if charge.id not in later)


def now_taken(stores: BillingStores, unbilled: Unbilled, bill_id: str, charges: Sequence[Charge]) -> Sequence[Put]:
    """The changes by which those of `charges` that are on no bill come onto this one, as `unbilled` has read them."""
    return [_moved(stores, unbilled.seen[charge.id], bill_id) for charge in charges if charge.bill_id != bill_id]


def left_out(unbilled: Unbilled, strays: frozenset[str], bill: tuple[str, BillKey]) -> Sequence[str]:
    """A sentence about the charges that only the bill could have, given by its id and key, which is final."""
    bill_id, key = bill
    ids = [charge["id"] for charge in unbilled.read() if charge["id"] in strays]
    if not ids:
        return ()
    named = ", ".join(ids[:NAMED_MAX]) + (f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else "")
    return [
        f"charges of {key.day} are on no bill, since the bill {bill_id} is final: {named}; give them a later billDate"
    ]


def of_bill(stores: BillingStores, org_id: str, bill_id: str) -> Sequence[Document]:
    """The charges that are on a bill."""
    return stores.entities.list_all(org_id, CHARGE.type, filters={"billId": [bill_id]})


def now_free(stores: BillingStores, charges: Sequence[Document]) -> Sequence[Put]:
    """The changes by which charges come off their bill."""
    return [_moved(stores, charge, None) for charge in charges]


def _moved(stores: BillingStores, charge: Document, bill_id: str | None) -> Put:
    """The charge on this bill, or on none. What it refers to was checked when it was made."""
    at = instants.to_text(stores.clock.now())
    moved = {**charge, "version": int(charge["version"]) + 1, "dtLastModified": at, "lastModifiedBy": SCHEDULER}
    new = {name: value for name, value in {**moved, "billId": bill_id}.items() if value is not None}
    return replace(entity_put(CHARGE, Proposal(new, charge)), references=())


def due_by(charges: Sequence[Document], last_day: date) -> Sequence[Document]:
    """Those whose day has come by `last_day`."""
    return [charge for charge in charges if day(charge["billDate"]) <= last_day]

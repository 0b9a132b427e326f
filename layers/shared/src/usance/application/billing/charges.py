"""The charges of an account: which bill each one goes onto, and the mark that it is there (billing.md 10).

A charge carries the id of its bill (`billId`) from when that bill is stored until it is deleted. A charge without one
goes onto the account's bill of its `billDate`; the mark is set after the bill is stored, so that a crash in between
leaves a charge that is on its bill and says so the next time that bill is calculated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final

from usance.application.billing.catalogue import Catalogue
from usance.application.billing.contract_terms import grouping_of
from usance.application.billing.convert import day
from usance.application.billing.convert_charges import charge_of
from usance.application.billing.stores import SCHEDULER, BillingStores
from usance.application.entities.puts import entity_put
from usance.application.ports.entities import EntityRepository
from usance.domain.billing.attached import Attachment
from usance.domain.billing.dated import Charge
from usance.domain.billing.inputs import BillFrequency, BillKey
from usance.domain.billing.windows import closing_window, starting_window
from usance.domain.catalog.proposal import Proposal
from usance.domain.kernel.errors import UnavailableError, VersionConflictError
from usance.resources import instants
from usance.resources.charge import CHARGE
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5  # people change a charge while it is billed, each once


@dataclass(slots=True)
class Unbilled:
    """The charges of an account that are on no bill yet, as one run over the account reads them.

    Bills take them, so that they are read for each bill, until there are none: most accounts have no charges.
    """

    entities: EntityRepository
    org_id: str
    account_id: str
    _gone: bool = False

    def read(self) -> Sequence[Document]:
        """Those there are now, oldest first."""
        if self._gone:
            return ()
        found = self.entities.list_all(self.org_id, CHARGE.type, filters={"unbilledOf": [self.account_id]})
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


def mark(stores: BillingStores, org_id: str, bill_id: str, charges: Sequence[Charge]) -> bool:
    """Note on the charges that they are on a bill that was stored with them.

    Whether all are; when another bill was quicker with one, this bill must be calculated again without it.
    """
    return all(_mark(stores, org_id, bill_id, charge.id) for charge in charges if charge.bill_id != bill_id)


def mark_found(stores: BillingStores, org_id: str, bill_id: str, charge: Document) -> bool:
    """Whether the stored bill has the charge, which is then noted: a crash may have come before the mark."""
    if not any(line.get("chargeId") == charge["id"] for line in stores.bills.line_items(org_id, bill_id)):
        return False
    return _mark(stores, org_id, bill_id, charge["id"])


def free(stores: BillingStores, org_id: str, bill_id: str) -> None:
    """Note on the charges of a bill that was deleted that they are on none."""
    for found in stores.entities.list_all(org_id, CHARGE.type, filters={"billId": [bill_id]}):
        for charge in _attempts(stores.entities, org_id, found["id"]):
            if charge.get("billId") != bill_id or _stored(stores, org_id, charge, None):
                break


def _mark(stores: BillingStores, org_id: str, bill_id: str, id_: str) -> bool:
    """Whether the charge is on the bill, or deleted; not when it is on another."""
    for charge in _attempts(stores.entities, org_id, id_):
        if charge.get("billId"):
            return bool(charge["billId"] == bill_id)
        if _stored(stores, org_id, charge, bill_id):
            break
    return True


def _attempts(entities: EntityRepository, org_id: str, id_: str) -> Iterator[Document]:
    """The charge as of now, again and again until the caller is done; nothing once it is deleted."""
    for _ in range(ATTEMPTS_MAX):
        charge = entities.get(org_id, CHARGE.type, id_)
        if charge is None:
            return
        yield charge
    raise UnavailableError(f"the charge {id_} is being changed by others; repeat the request")


def _stored(stores: BillingStores, org_id: str, charge: Document, bill_id: str | None) -> bool:
    """Whether the charge was given this bill, or none; not when somebody changed it meanwhile."""
    at = instants.to_text(stores.clock.now())
    moved = {**charge, "version": int(charge["version"]) + 1, "dtLastModified": at, "lastModifiedBy": SCHEDULER}
    new = {name: value for name, value in {**moved, "billId": bill_id}.items() if value is not None}
    try:
        stores.entities.commit(org_id, [entity_put(CHARGE, Proposal(new, charge))])
    except VersionConflictError:
        return False
    return True


def due_by(charges: Sequence[Document], last_day: date) -> Sequence[Document]:
    """Those whose day has come by `last_day`."""
    return [charge for charge in charges if day(charge["billDate"]) <= last_day]

"""The bills that hold nothing but charges and fees: of days on which no other bill of the account can take them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from usance.application.billing.calculate_bill import is_final
from usance.application.billing.charges import due_by, home_of, own_key
from usance.application.billing.consolidation import billed_inputs
from usance.application.billing.gather import Agreement
from usance.application.billing.stores import Workbench
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class ChargeBill:
    """An AD_HOC bill to make, under an agreement that lets it take the charges meant for it."""

    key: BillKey
    agreement: Agreement


def charge_bills(
    bench: Workbench, agreement: Agreement, last_day: date, others: Iterable[BillKey]
) -> Iterator[ChargeBill]:
    """The AD_HOC bills that a run makes after it made the bills `others`.

    These are the bills of the days up to `last_day` with charges that are on no bill: because no other bill falls on
    their day, it is locked, or the run that would have made it is over. Those of `last_day` are there too when they are
    stored, so that they are calculated again.
    """
    made = frozenset(others)
    strays: dict[BillKey, set[str]] = {}
    for charge in due_by(agreement.unbilled.read(), last_day):
        if not _finds_its_own(bench, agreement, charge, made):
            strays.setdefault(own_key(agreement.catalogue, charge), set()).add(charge["id"])
    for grouping in {"", *(one.grouping for one in agreement.attached)}:
        today = BillKey(BillFrequency.AD_HOC, 1, last_day, grouping)
        if today not in strays and _stored(bench, agreement, today):
            strays[today] = set()
    for key in _of_fees(bench, agreement, last_day):
        strays.setdefault(key, set())
    for key in sorted(strays):
        yield ChargeBill(key, replace(agreement, strays=frozenset(strays[key])))


def _of_fees(bench: Workbench, agreement: Agreement, last_day: date) -> Iterator[BillKey]:
    """The bills of commitments' fees on dates of their own: that of `last_day`, and earlier ones that are missing."""
    alone = {
        one.own
        for one in agreement.fees.dated
        if one.own.day <= last_day and home_of(one.own, agreement.attached, agreement.terms.zone) is None
    }
    ids = {key: agreement.bill_id(key) for key in sorted(alone)}
    found = bench.stores.bills.get_many(agreement.org_id, sorted(ids.values())) if ids else ()
    stored = {bill["id"] for bill in found}
    for key, id_ in ids.items():
        if key.day == last_day if id_ in stored else billed_inputs(bench.stores.bills, agreement, key).inputs.fees:
            yield key


def _finds_its_own(bench: Workbench, agreement: Agreement, charge: Document, made: frozenset[BillKey]) -> bool:
    """Whether the bill of a calendar that the charge joins is going to have it."""
    home = home_of(own_key(agreement.catalogue, charge), agreement.attached, agreement.terms.zone)
    if home is None:
        return False
    shared = replace(home, frequency=BillFrequency.MIXED, interval=1)
    stored = next((key for key in (home, shared) if _stored(bench, agreement, key)), home)
    # Where it is free to be made and was not, it could not be: then the charge waits for it.
    bill_id = agreement.bill_id(stored)
    return home in made and not is_final(
        bench.stores, agreement.org_id, bill_id, home, _stored(bench, agreement, stored)
    )


def _stored(bench: Workbench, agreement: Agreement, key: BillKey) -> Document | None:
    return bench.stores.bills.get(agreement.org_id, agreement.bill_id(key))

"""Calculate what one account gets from a bill job."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from usance.application.billing.billed_fees import with_late_fees
from usance.application.billing.calculate_bill import Made, calculate_bill
from usance.application.billing.calculation import Calculation
from usance.application.billing.catalogue import Catalogue
from usance.application.billing.charge_bills import charge_bills
from usance.application.billing.consolidation import apart, consolidated
from usance.application.billing.gather import Agreement, bill_id, gather
from usance.application.billing.jobs import RECALCULATE
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.other_bills import is_final
from usance.application.billing.overrides import Overrides
from usance.application.billing.records.record import read_record
from usance.application.billing.states import key_of_stored
from usance.application.billing.stores import Workbench
from usance.application.billing.values import day
from usance.application.billing.whose_plan import ENDS, charged, ends_digest, ends_of
from usance.application.ports.bills import StoredBill
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.due import DueBill, charges_ahead, key_of, merged, opened_on
from usance.domain.billing.schedule import is_open
from usance.domain.billing.terms import DateOverrides
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import PRECISION_DIGITS
from usance.domain.kernel.timezones import local_day
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class AccountBills:
    """The ids of the bills that a job stands behind, and why others could not be made."""

    bill_ids: Sequence[str] = ()
    refusals: Sequence[str] = ()


def bill_account(
    bench: Workbench, catalogue: Catalogue, job: Document, account_id: str, as_of: datetime | None = None
) -> AccountBills:
    """Make the account's bills; locked bills are left as they are. One that cannot be made keeps no other from it.

    With `as_of` (scheduled billing) that is every bill whose usage is not complete at that time. Raises
    `InvalidInputError` when the agreement cannot be read, so that nothing can be billed.
    """
    account = catalogue.entities.get(catalogue.org_id, "account", account_id)
    if account is None:
        return AccountBills()  # deleted since the job began
    work = (
        _again(bench, catalogue, job, account)
        if job["type"] == RECALCULATE
        else _due(bench, catalogue, job, account, as_of)
    )
    made: dict[str, Made] = {}
    refusals: list[str] = []
    for calculation in _and_again(work, made):
        try:
            made[calculation.bill_id] = calculate_bill(bench, calculation)
            refusals.extend(made[calculation.bill_id].unbilled)
        except InvalidInputError as refused:
            refusals.append(str(refused))
        except ArithmeticError:  # its own text names nothing that a biller knows
            refusals.append(f"a quantity or an amount has more than {PRECISION_DIGITS} digits")
    return AccountBills([one.bill_id for one in made.values() if one.bill_id], refusals)


def _and_again(work: Iterable[Calculation], made: Mapping[str, Made]) -> Iterator[Calculation]:
    """`work`, and once more those bills that left a fee to a bill which was calculated after them: it may have given it up.

    A contract may have taken another grouping key, and with it its fees another bill. Two bills never have one fee.
    """
    done = []
    for calculation in work:
        done.append(calculation)
        yield calculation
    place = {calculation.bill_id: at for at, calculation in enumerate(done)}
    for at, calculation in enumerate(done):
        before = made.get(calculation.bill_id)
        if before and any(place.get(other, -1) > at for other in before.fees_on):
            yield calculation


def _again(bench: Workbench, catalogue: Catalogue, job: Document, account: Document) -> Iterator[Calculation]:
    """The given bills of the account, under what was set when they were first made; a child's with those of its parent."""
    for wanted in sorted({*job["billIds"], *_with_parents(bench, catalogue, job, account)}):
        stored = bench.stores.bills.get_stored(catalogue.org_id, wanted)
        if stored and stored.header["accountId"] == account["id"]:
            agreement, overrides = _as_first_made(bench, catalogue, account, stored)
            yield Calculation(agreement, key_of_stored(stored), overrides, job)


def _as_first_made(
    bench: Workbench, catalogue: Catalogue, account: Document, stored: StoredBill
) -> tuple[Agreement, Overrides]:
    """The agreement as of now, under what was set when the bill was first made."""
    kept = Overrides.from_text(stored.private.get("overrides"))
    return with_late_fees(bench.stores.bills, gather(catalogue, account, kept)), kept


def _with_parents(bench: Workbench, catalogue: Catalogue, job: Document, account: Document) -> Iterator[str]:
    """The ids of the account's bills that belong to the given bills of its parent."""
    if parent_id := account.get("parentAccountId"):
        for wanted in job["billIds"]:
            stored = bench.stores.bills.get_stored(catalogue.org_id, wanted)
            if stored and stored.header["accountId"] == parent_id:
                yield bill_id(catalogue.org_id, account["id"], key_of_stored(stored))


def _due(
    bench: Workbench, catalogue: Catalogue, job: Document, account: Document, as_of: datetime | None
) -> Iterator[Calculation]:
    overrides = Overrides.of_job(job)
    agreement = with_late_fees(bench.stores.bills, gather(catalogue, account, overrides))
    every = _wanted(agreement, job, as_of)
    asked_for = [due for due in every if _asked_for(due.key, job)]
    for due in consolidated(bench.stores.bills, agreement, asked_for):
        stored = None
        if as_of or due.only_if_lacking or due.only_if_there:
            stored = bench.stores.bills.get_stored(catalogue.org_id, agreement.bill_id(due.key))
        if stored is None and due.only_if_there:
            continue
        if stored and due.leaves_whole and not _lacks_something(bench, agreement, due.key, stored):
            continue
        if stored:
            again, kept = _as_first_made(bench, catalogue, account, stored)
            yield Calculation(again, due.key, kept, job, scheduled=True)
        else:
            fitting = _without_dates(agreement) if due.opens else agreement
            yield Calculation(fitting, due.key, overrides, job, scheduled=as_of is not None)
    others = [due.key for due in every if not due.leaves_whole and not due.only_if_there]
    yield from _of_charges(bench, agreement, job, as_of, others)


def _lacks_something(bench: Workbench, agreement: Agreement, key: BillKey, stored: StoredBill) -> bool:
    """Whether the bill `key` charges in advance until other days than plans last now, or lacks one that came after it."""
    return _ends_otherwise(bench, agreement, key, stored) or _lacks_an_opening(bench, agreement, key)


def _ends_otherwise(bench: Workbench, agreement: Agreement, key: BillKey, stored: StoredBill) -> bool:
    """Whether a bill that still can be calculated charges a plan in advance until another day than it lasts now."""
    own_id, zone = agreement.account["id"], agreement.terms.zone
    elsewhere = apart(bench.stores.bills, agreement, key)
    mine = [one for one in agreement.attached_to(key) if key_of(one, key.day) not in elsewhere]
    ends = ends_of(mine, own_id, key.day, zone)
    if stored.private.get(ENDS) in (None, ends_digest(ends)):
        return False
    if is_final(bench, agreement.org_id, read_lock_date(bench.stores.entities, agreement.org_id), stored.header):
        return False  # the bill that ends the period makes up for it
    before = read_record(bench.blobs, agreement.org_id, agreement.bill_id(key), stored.private).inputs
    known = ends_of(before.attached, own_id, key.day, zone)
    early = (charged(one, own_id) for one in mine if charges_ahead(one))
    return any(what in ends and ends[what] != known.get(what) for what in early)


def _lacks_an_opening(bench: Workbench, agreement: Agreement, key: BillKey) -> bool:
    """Whether the stored bill `key` has nothing yet of a plan or commitment that begins on its day: it came after the bill."""
    opened = opened_on(agreement.attached, agreement.fees.plans, key, agreement.terms.zone)
    if not opened:
        return False
    lines = bench.stores.bills.line_items(agreement.org_id, agreement.bill_id(key))
    billed = {line.get(name) for line in lines for name in ("planId", "planGroupId", "commitmentId")}
    return not opened <= billed


def _of_charges(
    bench: Workbench, agreement: Agreement, job: Document, as_of: datetime | None, others: Sequence[BillKey]
) -> Iterator[Calculation]:
    """The bills of charges alone; they come last, when the bills `others` have taken those that go onto them."""
    if not _asked_for(BillKey(BillFrequency.AD_HOC, 1, date.min), job):
        return
    if as_of is None:
        last_day = day(job["lastDateInBillingPeriod"]) + timedelta(days=1)
    else:
        last_day = local_day(as_of, agreement.terms.zone)
    for bill in charge_bills(bench, agreement, last_day, others):
        stored = bench.stores.bills.get_stored(agreement.org_id, agreement.bill_id(bill.key))
        scheduled = as_of is not None
        if stored:
            again, kept = _as_first_made(bench, agreement.catalogue, agreement.account, stored)
            yield Calculation(replace(again, strays=bill.agreement.strays), bill.key, kept, job, scheduled=scheduled)
        else:
            yield Calculation(_without_dates(bill.agreement), bill.key, Overrides.of_job(job), job, scheduled=scheduled)


def _wanted(agreement: Agreement, job: Document, as_of: datetime | None) -> Sequence[DueBill]:
    """What is due, whatever frequency the job asks for."""
    zone = agreement.terms.zone
    if as_of is None:
        found = agreement.due(day(job["lastDateInBillingPeriod"]))
    else:
        today = local_day(as_of, zone)
        both = (*agreement.due(today - timedelta(days=1)), *agreement.due(today))
        found = tuple(due for one in merged(both) if (due := _still_due(agreement, one, as_of)))
    return found


def _still_due(agreement: Agreement, due: DueBill, as_of: datetime) -> DueBill | None:
    """`due` while it may change; after that, a bill that opens service is still made if it is missing.

    Plans are attached after the day they begin on, and ended after the day they were charged on, too.
    """
    if due.only_if_there:
        return due
    if is_open(agreement.attached_to(due.key), due.key.day, as_of, agreement.terms.zone):
        return replace(due, only_if_lacking=False)
    if due.opens:
        return replace(due, only_if_lacking=True)
    return replace(due, only_if_there=True) if due.again else None


def _asked_for(key: BillKey, job: Document) -> bool:
    frequency, interval = job.get("billingFrequency"), job.get("billFrequencyInterval")
    return frequency in (None, key.frequency) and interval in (None, key.interval)


def _without_dates(agreement: Agreement) -> Agreement:
    """Dates that a job sets are meant for the bills that end its period, not for one that opens service inside it."""
    return replace(agreement, terms=replace(agreement.terms, dates=DateOverrides()))

"""Calculate what one account gets from a bill job."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from usance.application.billing.calculate_bill import Calculation, calculate_bill
from usance.application.billing.catalogue import Catalogue
from usance.application.billing.convert import day
from usance.application.billing.gather import Agreement, bill_id, gather
from usance.application.billing.jobs import RECALCULATE
from usance.application.billing.overrides import Overrides
from usance.application.billing.stores import Workbench
from usance.domain.billing.due import DueBill, due_bills
from usance.domain.billing.inputs import BillKey, DateOverrides
from usance.domain.billing.schedule import is_open
from usance.domain.kernel.calendar import Frequency
from usance.domain.kernel.timezones import local_day
from usance.resources.wire import Document


def bill_account(
    bench: Workbench, catalogue: Catalogue, job: Document, account_id: str, as_of: datetime | None = None
) -> Sequence[str]:
    """The ids of the account's bills that the job stands behind; locked bills are left as they are.

    With `as_of` (scheduled billing) that is every bill whose usage is not complete at that time. Raises
    `InvalidInputError` when a bill cannot be made; bills before it in order of their days are made then.
    """
    account = catalogue.entities.get(catalogue.org_id, "account", account_id)
    if account is None:
        return ()  # deleted since the job began
    work = (
        _again(bench, catalogue, job, account)
        if job["type"] == RECALCULATE
        else _due(bench, catalogue, job, account, as_of)
    )
    found = (calculate_bill(bench, calculation) for calculation in work)
    return tuple(id_ for id_ in found if id_)


def _again(bench: Workbench, catalogue: Catalogue, job: Document, account: Document) -> Iterator[Calculation]:
    """The given bills of the account, under what was set when they were first made."""
    for wanted in sorted(job["billIds"]):
        stored = bench.stores.bills.get_stored(catalogue.org_id, wanted)
        if stored and stored.header["accountId"] == account["id"]:
            header = stored.header
            overrides = Overrides.from_text(stored.private.get("overrides"))
            key = BillKey(
                Frequency(header["billingFrequency"]), int(header["billFrequencyInterval"]), day(header["endDate"])
            )
            yield Calculation(gather(catalogue, account, overrides), key, overrides, job)


def _due(
    bench: Workbench, catalogue: Catalogue, job: Document, account: Document, as_of: datetime | None
) -> Iterator[Calculation]:
    overrides = Overrides.of_job(job)
    agreement = gather(catalogue, account, overrides)
    for due in _wanted(agreement, job, as_of):
        id_ = bill_id(catalogue.org_id, account["id"], due.key)
        if as_of and (stored := bench.stores.bills.get_stored(catalogue.org_id, id_)):
            kept = Overrides.from_text(stored.private.get("overrides"))
            yield Calculation(gather(catalogue, account, kept), due.key, kept, job, scheduled=True)
        elif not due.only_if_missing or bench.stores.bills.get(catalogue.org_id, id_) is None:
            fitting = _without_dates(agreement) if due.opens else agreement
            yield Calculation(fitting, due.key, overrides, job, scheduled=as_of is not None)


def _wanted(agreement: Agreement, job: Document, as_of: datetime | None) -> Sequence[DueBill]:
    zone = agreement.terms.zone
    if as_of is None:
        found = due_bills(agreement.plans, day(job["lastDateInBillingPeriod"]), zone)
    else:
        today = local_day(as_of, zone)
        both = (*due_bills(agreement.plans, today - timedelta(days=1), zone), *due_bills(agreement.plans, today, zone))
        unique = {due.key: due for due in both}
        found = tuple(unique[key] for key in sorted(unique) if is_open(agreement.plans_of(key), key.day, as_of, zone))
    return [due for due in found if _asked_for(due.key, job)]


def _asked_for(key: BillKey, job: Document) -> bool:
    frequency, interval = job.get("billingFrequency"), job.get("billFrequencyInterval")
    return frequency in (None, key.frequency) and interval in (None, key.interval)


def _without_dates(agreement: Agreement) -> Agreement:
    """Dates that a job sets are meant for the bills that end its period, not for one that opens service inside it."""
    return replace(agreement, terms=replace(agreement.terms, dates=DateOverrides()))

"""Calculate one bill and store it: gather, decide, persist."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from usance.application.billing.billed_fees import fees_guard
from usance.application.billing.calculation import Calculation
from usance.application.billing.charges import ROWS_OF_CHARGE, left_out, now_taken, part_taken
from usance.application.billing.consolidation import billed_inputs
from usance.application.billing.corrections.standing import bills_that_correct
from usance.application.billing.credits.ahead import Drawing, drawn_ahead, settle
from usance.application.billing.credits.book import read_book
from usance.application.billing.credits.ledger import Author, Drawn
from usance.application.billing.family_guards import Watch
from usance.application.billing.gather import Agreement
from usance.application.billing.keep_open import left_to_bill
from usance.application.billing.lock_date import Lock, read_lock
from usance.application.billing.read_usage import Evidences, read_usage
from usance.application.billing.records.record import BillRecord, Calculated
from usance.application.billing.states import state_of
from usance.application.billing.store_bill import Result, Storing, store_bill
from usance.application.billing.stores import SCHEDULER, BillingStores, Workbench
from usance.application.billing.unbilled_time import unbilled_time
from usance.application.ingest.report_repeats import report_repeats
from usance.application.ports.bills import StoredBill
from usance.application.ports.entities import Guard
from usance.application.ports.usage_log import Repeats
from usance.domain.billing.bill_key import BillFrequency, BillKey
from usance.domain.billing.inputs import BillingInputs
from usance.domain.billing.lifecycle import BillState, BillStatus
from usance.domain.billing.pipeline import concerns, decide, plan_usage, serves
from usance.domain.billing.usage import UsageQuery, UsageValues
from usance.domain.kernel.errors import InvalidInputError, NotFoundError, UnavailableError, VersionConflictError
from usance.domain.kernel.period import Period
from usance.domain.metering.instants import EPOCH, microseconds
from usance.resources import instants
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 20  # a family of hundreds may draw on one commitment at a time; each round lets some of them pass
PAUSES_MAX: Final = (
    7  # doublings of the pause: 100 workers have room within its longest, 2.6 s; all 20 take half a minute
)
PARTS_MAX: Final = 100  # a bill is stored with ten charges at a time; a redelivered message goes on with the rest


@dataclass(frozen=True, slots=True)
class Made:
    """`bill_id` is None when there is no bill: it is final, or empty and suppressed. `complete`: nothing is left to go onto it.

    `fees_on` are the other bills that have fees which it would have without them. `unbilled`: of a final bill, what nobody bills.
    """

    bill_id: str | None = None
    complete: bool = True
    fees_on: frozenset[str] = frozenset()
    unbilled: Sequence[str] = ()


def calculate_bill(bench: Workbench, calculation: Calculation) -> Made:
    """The bill, as far as there is one.

    Raises `InvalidInputError` when it cannot be made, `UnavailableError` when others keep changing it.
    """
    usage, conflicts, parts = _Usage(bench, calculation), 0, 0
    while conflicts < ATTEMPTS_MAX and parts < PARTS_MAX:
        try:
            made = _made_or_settled(bench, calculation, usage)
        except (VersionConflictError, NotFoundError):  # the bill, the lock date, a credit or a charge moved, or is gone
            conflicts += 1
            if conflicts < ATTEMPTS_MAX:
                bench.stores.pause(min(conflicts - 1, PAUSES_MAX))
            continue
        if made.complete:
            return made
        parts += 1
    bill_id = calculation.agreement.bill_id(calculation.key)
    raise UnavailableError(f"the bill {bill_id} is being changed by others; it will be calculated again")


def is_final(stores: BillingStores, org_id: str, bill_id: str, key: BillKey, header: Document | None) -> bool:
    """Whether the bill may not be calculated now. `header` is the stored bill, None when it would be new."""
    return _is_final(stores, org_id, key, header, read_lock(stores, org_id, bill_id))


def _is_final(stores: BillingStores, org_id: str, key: BillKey, header: Document | None, lock: Lock) -> bool:
    """What is locked is final, and what was corrected while it was: the corrections bill for what it does not."""
    day = key.day
    new = BillState("", BillStatus.PENDING, locked_itself=False, last_day=Period(day, day).last_day)
    if lock.is_locked(state_of(header) if header else new):
        return True
    return header is not None and bool(bills_that_correct(stores, org_id, header["id"]))


def _made_or_settled(bench: Workbench, calculation: Calculation, usage: "_Usage") -> Made:
    """As `_decide_and_store`; of a bill that is not stored, nothing that it drew ahead is kept."""
    try:
        made = _decide_and_store(bench, calculation, usage)
    except InvalidInputError:
        _settle(bench, calculation)
        raise
    if made.bill_id is None:
        _settle(bench, calculation)
    return made


def _settle(bench: Workbench, calculation: Calculation) -> None:
    stores, author = bench.stores, _author(bench, calculation)
    settle(stores, calculation.agreement.org_id, author.bill_id, author.by, author.at)


def _author(bench: Workbench, calculation: Calculation) -> Author:
    job, day = calculation.job, calculation.key.day
    return Author(calculation.agreement.org_id, calculation.bill_id, day, job["createdBy"], bench.stores.clock.now())


def _decide_and_store(bench: Workbench, calculation: Calculation, usage: "_Usage") -> Made:
    """The bill as everything stands now. `VersionConflictError` or `NotFoundError` when that changed before it was stored."""
    agreement, key = calculation.agreement, calculation.key
    org_id, bill_id = agreement.org_id, agreement.bill_id(key)
    lock = read_lock(bench.stores, org_id, bill_id)
    stored = bench.stores.bills.get_stored(org_id, bill_id)
    if _is_final(bench.stores, org_id, key, stored.header if stored else None, lock):
        if calculation.job["createdBy"] == SCHEDULER:  # which would tell every few minutes
            return Made()
        return Made(unbilled=_unbilled(bench, agreement, lock, stored, key))
    guards = [lock.guard, *_fees_guards(bench, agreement)]
    billed = billed_inputs(bench.stores.bills, agreement, key)
    due, fees_on = billed.inputs, billed.fees_on
    watch = Watch(bench.stores.entities, org_id)
    all_inputs = left_to_bill(bench, agreement, lock.up_to, due, stored, watch)
    dated = key.frequency is BillFrequency.AD_HOC
    if stored is None and not serves(all_inputs) and (due.plans or dated):
        return Made(fees_on=fees_on)  # other bills have it all, or its charges are gone
    if not dated and not serves(all_inputs) and not concerns(due):
        raise InvalidInputError(
            f"the bill {bill_id} cannot be calculated again: no plan of the account has a period "
            f"that ends or begins on {key.day} any more"
        )
    drawn = Drawn.of(stored.private) if stored else Drawn()
    values = usage.read(all_inputs, stored.header if stored else None)
    book = read_book(agreement.catalogue, agreement.account, drawn, all_inputs, values)
    taken = part_taken(all_inputs.charges, bill_id)
    given = book.given_to(replace(all_inputs, charges=taken))
    result = Result(Calculated.of(decide(given, values)), BillRecord.of(given, values, usage.evidence))
    if stored is None and not result.bill.line_items and agreement.catalogue.config().get("suppressedEmptyBills"):
        return Made()
    marks = now_taken(bench.stores, agreement.unbilled, bill_id, taken)
    author, new, rows = _author(bench, calculation), result.bill.drawn, len(marks) * ROWS_OF_CHARGE
    drawing = Drawing()
    if book.standing:
        drawing = drawn_ahead(bench.stores, book.standing, new, stored, author, beside=rows)
    storing = Storing([*drawing.beside, *marks], stored, [*guards, *drawing.guards, *watch.guards])
    store_bill(bench, calculation, result, storing)
    if drawing.owing:
        _settle(bench, calculation)
    return Made(bill_id, len(taken) == len(all_inputs.charges), fees_on)


def _unbilled(
    bench: Workbench, agreement: Agreement, lock: Lock, stored: StoredBill | None, key: BillKey
) -> Sequence[str]:
    charges = left_out(agreement.unbilled, agreement.strays, (agreement.bill_id(key), key))
    if stored is None:
        return charges
    due = billed_inputs(bench.stores.bills, agreement, key).inputs
    return [*charges, *unbilled_time(bench, agreement, lock.up_to, due, stored)]


def _fees_guards(bench: Workbench, agreement: Agreement) -> Sequence[Guard]:
    """What keeps bills of one account from deciding on its fees at the same time; nothing where it has none."""
    if not agreement.fees.plans and not agreement.fees.dated:
        return ()
    return (fees_guard(bench.stores.entities, agreement.org_id, agreement.account["id"]),)


@dataclass(slots=True)
class _Usage:
    """The usage of a bill, read once however often the bill is decided; what came twice is reported."""

    bench: Workbench
    calculation: Calculation
    evidence: Evidences = field(default_factory=dict)
    _values: UsageValues = field(default_factory=dict)
    _asked: tuple[UsageQuery, ...] | None = None

    def read(self, inputs: BillingInputs, header: Document | None) -> UsageValues:
        """What `decide` looks up. `header` is the stored bill: repeats are those received since it was calculated."""
        asked = plan_usage(inputs)
        if asked != self._asked:
            agreement = self.calculation.agreement
            calculated = instants.from_text(header["lastCalculatedDate"]) if header else EPOCH
            repeats = Repeats(since=microseconds(calculated))
            self._values = read_usage(
                self.bench.usage, agreement.org_id, inputs.account.id, asked, repeats, self.evidence
            )
            report_repeats(self.bench.telling(), repeats.found, [agreement.account])
            self._asked = asked
        return self._values

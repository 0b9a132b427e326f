"""Calculate one bill and store it: gather, decide, persist."""

from typing import Final

from usance.application.billing.calculation import Calculation
from usance.application.billing.charges import mark
from usance.application.billing.consolidation import billed_inputs
from usance.application.billing.credits.book import read_book
from usance.application.billing.credits.ledger import Drawn
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.read_usage import Evidences, read_usage
from usance.application.billing.records.record import BillRecord, Calculated
from usance.application.billing.states import state_of
from usance.application.billing.store_bill import Result, store_bill
from usance.application.billing.stores import Workbench
from usance.application.ingest.report_repeats import report_repeats
from usance.application.ports.usage_log import Repeats
from usance.domain.billing.inputs import BillFrequency, BillingInputs, BillKey
from usance.domain.billing.lifecycle import BillState, BillStatus
from usance.domain.billing.pipeline import decide, plan_usage, serves
from usance.domain.billing.usage import UsageValues
from usance.domain.kernel.errors import InvalidInputError, UnavailableError, VersionConflictError
from usance.domain.kernel.period import Period
from usance.domain.metering.instants import EPOCH, microseconds
from usance.resources import instants
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = (
    20  # a family of hundreds may draw on one commitment at the same time; each round lets some of them pass
)
PAUSES_MAX: Final = (
    7  # doublings of the pause: 100 workers have room within its longest, 2.6 s, and 20 tries take half a minute
)


def calculate_bill(bench: Workbench, calculation: Calculation) -> str | None:
    """The id of the bill, or None when there is none: it is locked, or empty and suppressed.

    Raises `InvalidInputError` when it cannot be made, `UnavailableError` when others keep changing it.
    """
    agreement = calculation.agreement
    inputs = billed_inputs(bench.stores.bills, agreement, calculation.key)
    stored = bench.stores.bills.get(agreement.org_id, inputs.bill_id)
    if is_locked(bench, agreement.org_id, calculation.key, stored):
        return None
    emptied = stored is not None and calculation.key.frequency is BillFrequency.AD_HOC  # its charges are gone
    if not serves(inputs) and not emptied:
        raise InvalidInputError(
            f"the bill {inputs.bill_id} cannot be calculated again: no plan of the account has a period "
            f"that ends or begins on {calculation.key.day} any more"
        )
    calculated = instants.from_text(stored["lastCalculatedDate"]) if stored else EPOCH
    repeats = Repeats(since=microseconds(calculated))
    evidence: Evidences = {}
    usage = read_usage(bench.usage, agreement.org_id, inputs.account.id, plan_usage(inputs), repeats, evidence)
    report_repeats(bench.telling(), repeats.found, [agreement.account])
    made = _decide_and_store(bench, calculation, inputs, usage, evidence)
    if made and not mark(bench.stores, agreement.org_id, made, inputs.charges):
        return calculate_bill(bench, calculation)  # without what another bill has taken meanwhile
    return made


def is_locked(bench: Workbench, org_id: str, key: BillKey, header: Document | None) -> bool:
    """Whether the bill may not be written now. `header` is the stored bill, None when it would be new."""
    day = key.day
    new = BillState("", BillStatus.PENDING, locked_itself=False, last_day=Period(day, day).last_day)
    state = state_of(header) if header else new
    return state.is_locked(read_lock_date(bench.stores.entities, org_id))


def _decide_and_store(
    bench: Workbench, calculation: Calculation, inputs: BillingInputs, usage: UsageValues, evidence: Evidences
) -> str | None:
    """Decide the bill on what its credits have left now, and again when another bill was quicker to draw on one."""
    agreement, bill_id = calculation.agreement, inputs.bill_id
    org_id, zone = agreement.org_id, agreement.terms.zone
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            bench.stores.pause(min(attempt - 1, PAUSES_MAX))
        stored = bench.stores.bills.get_stored(org_id, bill_id)
        if is_locked(bench, org_id, calculation.key, stored.header if stored else None):  # reading usage takes a while
            return None
        drawn = Drawn.of(stored.private) if stored else Drawn()
        book = read_book(agreement.catalogue, agreement.account, bill_id, drawn, zone)
        given = book.given_to(inputs)
        result = Result(Calculated.of(decide(given, usage)), BillRecord.of(given, usage, evidence))
        if stored is None and not result.bill.line_items and agreement.catalogue.config().get("suppressedEmptyBills"):
            return None
        try:
            store_bill(bench, calculation, result, book, stored)
        except VersionConflictError:
            continue
        return bill_id
    raise UnavailableError(f"the bill {bill_id} is being changed by others; it will be calculated again")

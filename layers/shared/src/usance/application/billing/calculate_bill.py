"""Calculate one bill and store it: gather, decide, persist. An unchanged bill is not written again."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from usance.application.audit import created
from usance.application.billing.charges import mark
from usance.application.billing.consolidation import apart
from usance.application.billing.documents import header_of, line_item_of
from usance.application.billing.gather import Agreement
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.lines import TOTAL, appended, memos_of, total_of, under
from usance.application.billing.overrides import Overrides
from usance.application.billing.read_usage import read_usage
from usance.application.billing.report_repeats import report_repeats
from usance.application.billing.states import state_of
from usance.application.billing.stores import Workbench
from usance.application.ports.bills import StoredBill
from usance.application.ports.usage_log import Repeats
from usance.domain.billing.inputs import BillFrequency, BillKey
from usance.domain.billing.lifecycle import BillState, BillStatus
from usance.domain.billing.memos import sum_of
from usance.domain.billing.numbering import Numbering
from usance.domain.billing.pipeline import decide, plan_usage, serves
from usance.domain.kernel.errors import InvalidInputError, UnavailableError, VersionConflictError
from usance.domain.kernel.ids import derived_id
from usance.domain.kernel.period import Period
from usance.domain.metering.instants import EPOCH, microseconds
from usance.resources import instants, wire
from usance.resources.wire import Document

ATTEMPTS_MAX: Final = 5  # approvals, locks and statements touch a bill while it is calculated, each once


@dataclass(frozen=True, slots=True)
class Calculation:
    """A bill to make: under which agreement, for which day, asked for by which job.

    `scheduled`: nobody asked, so a bill that would not change is left alone, approval included.
    """

    agreement: Agreement
    key: BillKey
    overrides: Overrides
    job: Document
    scheduled: bool = False


@dataclass(frozen=True, slots=True)
class _Result:
    """A calculated bill as documents, and the digest by which equal ones are known."""

    core: Document
    line_items: list[Document]
    digest: str


def calculate_bill(bench: Workbench, calculation: Calculation) -> str | None:
    """The id of the bill, or None when there is none: it is locked, or empty and suppressed.

    Raises `InvalidInputError` when it cannot be made, `UnavailableError` when others keep changing it.
    """
    agreement = calculation.agreement
    inputs = agreement.inputs(calculation.key, apart(bench.stores.bills, agreement, calculation.key))
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
    usage = read_usage(bench.usage, agreement.org_id, inputs.account.id, plan_usage(inputs), repeats)
    report_repeats(bench, agreement.account, repeats.found)
    draft = decide(inputs, usage)
    core, line_items = header_of(draft), [line_item_of(line) for line in draft.lines]
    digest = derived_id(wire.dumps([core, line_items]).decode())
    made = _persist(bench, calculation, _Result(core, line_items, digest))
    if made and not mark(bench.stores, agreement.org_id, made, inputs.charges):
        return calculate_bill(bench, calculation)  # without what another bill has taken meanwhile
    return made


def is_locked(bench: Workbench, org_id: str, key: BillKey, header: Document | None) -> bool:
    """Whether the bill may not be written now. `header` is the stored bill, None when it would be new."""
    day = key.day
    new = BillState("", BillStatus.PENDING, locked_itself=False, last_day=Period(day, day).last_day)
    state = state_of(header) if header else new
    return state.is_locked(read_lock_date(bench.stores.entities, org_id))


def _persist(bench: Workbench, calculation: Calculation, result: _Result) -> str | None:
    org_id, bill_id = calculation.agreement.org_id, result.core["id"]
    config = calculation.agreement.catalogue.config()
    for _ in range(ATTEMPTS_MAX):
        stored = bench.stores.bills.get_stored(org_id, bill_id)
        if stored is None and not result.line_items and config.get("suppressedEmptyBills"):
            return None
        if is_locked(bench, org_id, calculation.key, stored.header if stored else None):  # calculating takes a while
            return None
        try:
            if stored is None:
                _create(bench, calculation, result, config)
            else:
                _replace(bench, calculation, result, stored)
        except VersionConflictError:
            continue
        return str(bill_id)
    raise UnavailableError(f"the bill {bill_id} is being changed by others; it will be calculated again")


def _create(bench: Workbench, calculation: Calculation, result: _Result, config: Document) -> None:
    now = bench.stores.clock.now()
    when = instants.to_text(now)
    body = {
        "orgId": calculation.agreement.org_id,
        **result.core,
        "status": BillStatus.PENDING.value,
        "locked": False,
        "billJobId": calculation.job["id"],
        "createdDate": when,
        "lastCalculatedDate": when,
        "jsonStatementGenerated": False,
        "csvStatementGenerated": False,
        "statementStale": False,
    }
    prefix = config.get("billPrefix")
    bench.stores.bills.create(
        calculation.agreement.org_id,
        created(body, result.core["id"], calculation.job["createdBy"], now),
        result.line_items,
        private=_private(calculation, result),
        numbering=Numbering(prefix, int(config.get("sequenceStartNumber") or 0)) if prefix else None,
    )


def _replace(bench: Workbench, calculation: Calculation, result: _Result, stored: StoredBill) -> None:
    """Keep what belongs to the bill rather than to its calculation; a bill that was approved needs it again (Q22)."""
    old, job = stored.header, calculation.job
    same = stored.private.get("digest") == result.digest
    if same and (calculation.scheduled or old["billJobId"] == job["id"]):
        return
    when = instants.to_text(bench.stores.clock.now())
    lines, private = None, _private(calculation, result) | _memo_total(stored)
    if not same:
        memos = _memos(bench, calculation, stored)
        lines = appended(result.line_items, memos)
        private |= {TOTAL: str(total_of(memos))} if memos else {}
    kept = {name: value for name, value in old.items() if name in KEPT}
    header = {
        **result.core,
        "billTotal": sum_of([result.core["billTotal"], Decimal(private.get(TOTAL, 0))]),
        **kept,
        "version": int(old["version"]) + 1,
        "status": BillStatus.PENDING.value,
        "locked": False,
        "billJobId": job["id"],
        "lastCalculatedDate": when,
        "statementStale": bool(old["jsonStatementGenerated"] or old["csvStatementGenerated"]),
        "dtLastModified": when,
        "lastModifiedBy": job["createdBy"],
    }
    bench.stores.bills.replace(
        calculation.agreement.org_id,
        header,
        expected_version=int(old["version"]),
        line_items=lines,
        private=private,
    )


def _memos(bench: Workbench, calculation: Calculation, stored: StoredBill) -> list[Document]:
    """What people added to the bill: it stays through every calculation (billing.md 11, Q20)."""
    if TOTAL not in stored.private:
        return []
    agreement = calculation.agreement
    items = bench.stores.bills.line_items(agreement.org_id, stored.header["id"])
    return [under(agreement.terms, memo) for memo in memos_of(items)]


def _memo_total(stored: StoredBill) -> dict[str, str]:
    return {TOTAL: stored.private[TOTAL]} if TOTAL in stored.private else {}


KEPT: Final = frozenset(
    {
        "orgId",
        "createdDate",
        "sequentialInvoiceNumber",
        "externalInvoiceReference",
        "jsonStatementGenerated",
        "csvStatementGenerated",
        "dtCreated",
        "createdBy",
    }
)
"""Fields of a bill that no calculation changes."""


def _private(calculation: Calculation, result: _Result) -> dict[str, str]:
    kept = {"digest": result.digest, "overrides": calculation.overrides.text()}
    grouping = calculation.key.grouping
    return {**kept, "grouping": grouping} if grouping else kept

"""The difference between a locked bill and what it would be with the usage as it is now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from usance.application.access.authorize import require
from usance.application.billing.bill_reading import LINES_PER_ANSWER_MAX
from usance.application.billing.corrections.counters_now import with_counters_as_now
from usance.application.billing.corrections.history import History
from usance.application.billing.corrections.standing import require_uncorrected, standing
from usance.application.billing.lock_date import Lock, read_lock
from usance.application.billing.memos.lines import calculated, corrected_by
from usance.application.billing.read_usage import read_usage
from usance.application.billing.records.examine import Examining
from usance.application.billing.records.record import Calculated, read_record
from usance.application.billing.records.replay import read_stored
from usance.application.billing.states import state_of
from usance.application.stored_lines import StoredLines
from usance.domain.access import Action, Caller
from usance.domain.billing.corrections import Difference, differences
from usance.domain.billing.items import DRAW_DOWNS
from usance.domain.billing.memos import sum_of
from usance.domain.billing.pipeline import decide, plan_usage
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.quantity import PRECISION_DIGITS
from usance.resources.wire import Document


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is left to correct of a bill while `lock` and `history` stay as they are. `lines` holds the line items by id, as they would be now or else as they were."""

    header: Document
    history: History
    lock: Lock
    differences: Sequence[Difference]
    lines: Mapping[str, Document]

    def shown(self) -> Document:
        """As the API answers it. Its total is over all line items, also when there are too many to list."""
        return {
            "billId": self.header["id"],
            "accountId": self.header["accountId"],
            "currency": self.header["currency"],
            "count": len(self.differences),
            "total": sum_of(one.left for one in self.differences),
            "lineItems": [self._line(one) for one in self.differences[:LINES_PER_ANSWER_MAX]],
        }

    def _line(self, one: Difference) -> Document:
        line = self.lines[one.line_id]
        return {
            "lineItemId": one.line_id,
            "lineItemType": line["lineItemType"],
            "description": line["description"],
            "servicePeriodStartDate": line["servicePeriodStartDate"],
            "servicePeriodEndDate": line["servicePeriodEndDate"],
            "billed": one.billed,
            "recalculated": one.recalculated,
            "corrected": one.corrected,
            "difference": one.left,
        }


def get_correction(desk: Examining, caller: Caller, bill_id: str) -> Document:
    """What is left to correct of a locked bill; nothing is written. Raises as `propose` does."""
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    return propose(desk, caller.org_id, bill_id).shown()


def propose(desk: Examining, org_id: str, bill_id: str) -> Proposal:
    """What is left to correct.

    The agreement is that of the bill's record: prices that changed since, change nothing here. `NotFoundError` without a
    bill, `InvalidInputError` when it is not locked.
    """
    lock = read_lock(desk.stores, org_id, bill_id)
    stored = read_stored(desk.stores.bills, org_id, bill_id)
    header = stored.bill.header
    if not lock.is_locked(state_of(header)):
        require_uncorrected(desk.stores, org_id, bill_id)
        raise InvalidInputError(f"the bill {bill_id} is not locked; calculate it again with a bill job")
    history = History.read(desk.stores.entities, org_id, bill_id)
    memos = _by_line(standing(desk.stores, org_id, history))
    now, then = _charges(_recalculated(desk, org_id, stored)), _charges(calculated(stored.line_items))
    corrected = {line_id: sum_of(memo["subtotal"] for memo in found) for line_id, found in memos.items()}
    lines = {**{line_id: found[0] for line_id, found in memos.items()}, **then, **now}
    return Proposal(header, history, lock, differences(_amounts(then), _amounts(now), corrected), lines)


def _recalculated(desk: Examining, org_id: str, stored: StoredLines) -> Sequence[Document]:
    recorded = read_record(desk.blobs, org_id, stored.bill.header["id"], stored.bill.private).inputs
    inputs = with_counters_as_now(desk.stores.entities, org_id, recorded)
    usage = read_usage(desk.usage, org_id, inputs.account.id, plan_usage(inputs))
    try:
        return Calculated.of(decide(inputs, usage)).line_items
    except ArithmeticError as beyond:  # its own text names nothing that a biller knows
        raise InvalidInputError(f"a quantity or an amount has more than {PRECISION_DIGITS} digits") from beyond


def _charges(lines: Iterable[Document]) -> dict[str, Document]:
    """By id. Draw-downs are left out: the credits of a locked bill stay as they are, so what it drew must too."""
    return {line["id"]: line for line in lines if line["lineItemType"] not in DRAW_DOWNS}


def _amounts(lines: Mapping[str, Document]) -> Mapping[str, Decimal]:
    return {id_: line["convertedSubtotal"] for id_, line in lines.items()}


def _by_line(standing_on: Mapping[str, Sequence[Document]]) -> Mapping[str, Sequence[Document]]:
    """The memos of earlier corrections, as they stand on their bills now, by the line item that they correct."""
    found: dict[str, list[Document]] = {}
    for memo in chain.from_iterable(standing_on.values()):
        if of := corrected_by(memo):
            found.setdefault(of.line_id, []).append(memo)
    return found

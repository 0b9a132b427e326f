"""Put what is left to correct of a locked bill onto an open one, as credit and debit line items, once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.billing.corrections.history import History, Step
from usance.application.billing.corrections.propose import Proposal, propose
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.change_memos import Change, change_memos
from usance.application.billing.memos.forms import CREDIT, DEBIT
from usance.application.billing.memos.lines import correcting, line_of
from usance.application.billing.records.examine import Examining
from usance.application.billing.states import state_of
from usance.application.ports.bills import BillQuery
from usance.domain.access import Action, Caller
from usance.domain.billing.corrections import Difference, check_size
from usance.domain.kernel.errors import InvalidInputError, VersionConflictError
from usance.resources.bill_memos import DESCRIPTION_MAX_CHARS
from usance.resources.bill_records import CorrectionRequest
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

_PRODUCTS: Final = tuple(f"{of}{part}" for of in ("product", "accountingProduct") for part in ("Id", "Name", "Code"))


def correct_bill(desk: Examining, caller: Caller, bill_id: str, body: Mapping[str, Any]) -> Document:
    """The correction that was made, and the bill that takes it; with nothing left to correct, none.

    A request that is repeated makes nothing more. Raises as `propose` and `change_memos` do; `InvalidInputError` when
    there is no open bill, `VersionConflictError` while another request corrects the same bill.
    """
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    wanted = document_of(validated(CorrectionRequest, body)).get("targetBillId")
    _give_up_stuck(desk, caller, bill_id)
    proposal = propose(desk, caller.org_id, bill_id)
    history = proposal.history
    if not proposal.differences and not history.begun:
        return proposal.shown()
    check_size(len(proposal.differences))
    if history.begun is None:
        target = _target(desk, caller, proposal.header, wanted)
        require(caller, Action.CONFIG_UPDATE, "bill", target["id"])
        history = _begin(desk, caller, history, target["id"])
    step = history.steps[-1]
    require(caller, Action.CONFIG_UPDATE, "bill", step.target_id)
    change_memos(desk.stores, caller, step.target_id, _adding(desk, caller, proposal, step))
    _finish(desk, caller, history)
    return {**proposal.shown(), "targetBillId": step.target_id}


def _begin(desk: Examining, caller: Caller, history: History, target_id: str) -> History:
    return history.begin(desk.stores.entities, caller.org_id, target_id, caller.audit_name, desk.stores.clock)


def _finish(desk: Examining, caller: Caller, history: History) -> None:
    with suppress(VersionConflictError):  # another request has finished it
        history.finish(desk.stores.entities, caller.org_id, caller.audit_name, desk.stores.clock)


def _give_up_stuck(desk: Examining, caller: Caller, bill_id: str) -> None:
    """A correction whose bill was locked or deleted before it took it will not be finished there.

    It is given up before what is left is looked at, so that nobody can still finish it afterwards.
    """
    history = History.read(desk.stores.entities, caller.org_id, bill_id)
    if history.begun is None:
        return
    header = desk.stores.bills.get(caller.org_id, history.begun.target_id)
    if header is None or state_of(header).is_locked(read_lock_date(desk.stores.entities, caller.org_id)):
        _finish(desk, caller, history)


def _target(desk: Examining, caller: Caller, corrected: Document, wanted: str | None) -> Document:
    """The open bill that takes the correction: the one that is asked for, else the account's latest."""
    lock_date = read_lock_date(desk.stores.entities, caller.org_id)
    if wanted is not None:
        found = desk.stores.bills.get(caller.org_id, wanted)
        if found is None or found["accountId"] != corrected["accountId"]:
            raise InvalidInputError(f"targetBillId: the account has no bill {wanted}")
        state_of(found).require_unlocked(lock_date)
    else:
        query = BillQuery({"accountId": [corrected["accountId"]]}, locked=False, lock_date=lock_date)
        page = desk.stores.bills.list_page(caller.org_id, query, page_size=1)
        if not page.data:
            raise InvalidInputError(
                f"the account {corrected['accountId']} has no open bill to take the correction; make one with a bill job"
            )
        found = page.data[0]
    if found["currency"] != corrected["currency"]:
        raise InvalidInputError(
            f"targetBillId: the bill {found['id']} is in {found['currency']}, the corrected one in {corrected['currency']}"
        )
    return found


def _adding(desk: Examining, caller: Caller, proposal: Proposal, step: Step) -> Change:
    """What `change_memos` does: the memos of `step` are added, unless they are there."""
    new = [_memo(desk, caller, proposal, step, one) for one in proposal.differences]

    def change(_: Document, memos: Sequence[Document]) -> Sequence[Document]:
        bill_id = proposal.header["id"]
        own = {step.memo_id(bill_id, line_id) for line_id in proposal.lines}
        return memos if any(memo["id"] in own for memo in memos) else [*memos, *new]

    return change


def _memo(desk: Examining, caller: Caller, proposal: Proposal, step: Step, one: Difference) -> Document:
    line, header = proposal.lines[one.line_id], proposal.header
    form = DEBIT if one.left > 0 else CREDIT
    number = header.get("sequentialInvoiceNumber") or header["endDate"]
    products = {name: line[name] for name in _PRODUCTS if name in line}
    document: Document = {
        **{name: products[name] for name in ("productId", "accountingProductId") if name in products},
        "amount": abs(one.left),
        "description": f"Correction of {number}: {line['description']}"[:DESCRIPTION_MAX_CHARS],
        "lineItemType": form.line_item_type,
        "referencedBillId": header["id"],
        "referencedLineItemId": one.line_id,
        "servicePeriodStartDate": line["servicePeriodStartDate"],
        "servicePeriodEndDate": line["servicePeriodEndDate"],
    }
    memo_id = step.memo_id(header["id"], one.line_id)
    memo = created(document, memo_id, caller.audit_name, desk.stores.clock.now())
    return correcting(line_of(form, memo, header["currency"], Decimal(one.left), products))

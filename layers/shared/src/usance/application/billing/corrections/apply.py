"""Put what is left to correct of a locked bill onto an open one, as credit and debit line items, once."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from usance.application.access.authorize import require
from usance.application.audit import created
from usance.application.billing.corrections.history import History
from usance.application.billing.corrections.propose import Proposal, propose
from usance.application.billing.lock_date import read_lock_date
from usance.application.billing.memos.change_memos import Change, change_memos
from usance.application.billing.memos.forms import CREDIT, DEBIT
from usance.application.billing.memos.lines import Corrected, correcting, line_of
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

    It is made whole in one transaction, or not at all. A request that is repeated makes nothing more. Raises as `propose`
    and `change_memos` do; `InvalidInputError` when there is no open bill, `VersionConflictError` when another request
    corrected the same bill meanwhile.
    """
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    wanted = document_of(validated(CorrectionRequest, body)).get("targetBillId")
    proposal = propose(desk, caller.org_id, bill_id)
    if not proposal.differences:
        return proposal.shown()
    check_size(len(proposal.differences))
    target_id = _target(desk, caller, proposal.header, wanted)["id"]
    require(caller, Action.CONFIG_UPDATE, "bill", target_id)
    change_memos(
        desk.stores,
        caller,
        target_id,
        _adding(desk, caller, proposal),
        beside=[proposal.history.with_one_on(target_id, caller.audit_name, desk.stores.clock.now())],
        guards=[proposal.lock.guard],
    )
    return {**proposal.shown(), "targetBillId": target_id}


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


def _adding(desk: Examining, caller: Caller, proposal: Proposal) -> Change:
    """What `change_memos` does: the memos of the correction are added, once the history is found as it was."""
    new = [_memo(desk, caller, proposal, one) for one in proposal.differences]
    history = proposal.history

    def change(_: Document, memos: Sequence[Document]) -> Sequence[Document]:
        if History.read(desk.stores.entities, caller.org_id, history.bill_id) != history:
            raise VersionConflictError(f"another request corrected the bill {history.bill_id}; repeat the request")
        return [*memos, *new]

    return change


def _memo(desk: Examining, caller: Caller, proposal: Proposal, one: Difference) -> Document:
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
    memo = created(document, proposal.history.memo_id(one.line_id), caller.audit_name, desk.stores.clock.now())
    of = Corrected(header["id"], one.line_id)
    return correcting(line_of(form, memo, header["currency"], Decimal(one.left), products), of)

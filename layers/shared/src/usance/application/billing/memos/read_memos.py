"""Read the credit or debit line items of a bill."""

from collections.abc import Sequence

from usance.application.access.authorize import require
from usance.application.billing.memos.forms import MemoForm
from usance.application.billing.memos.lines import MEMO, memos_of
from usance.application.billing.stores import BillingStores
from usance.application.paging import decode_token, encode_token
from usance.application.ports.entities import Page
from usance.domain.access import Action, Caller
from usance.domain.kernel.errors import NotFoundError
from usance.resources.wire import Document


def get_memo(stores: BillingStores, caller: Caller, form: MemoForm, bill_id: str, memo_id: str) -> Document:
    """One memo. `NotFoundError` when the bill has none of this id and kind."""
    memos = _memos(stores, caller, bill_id)
    return shown(position(form, bill_id, memo_id, memos)[1], bill_id)


def list_memos(
    stores: BillingStores,
    caller: Caller,
    form: MemoForm,
    bill_id: str,
    *,
    page_size: int,
    next_token: str | None,
) -> Page:
    """A page of memos of one kind, newest first. `NotFoundError` without a bill."""
    before = decode_token(next_token) if next_token else None
    memos = [_document(item) for item in _memos(stores, caller, bill_id) if _is(form, item)]
    found = sorted((memo for memo in memos if before is None or memo["id"] < before), key=_id, reverse=True)
    page = found[:page_size]
    token = encode_token(page[-1]["id"]) if len(found) > page_size else None
    return Page([shown(memo, bill_id) for memo in page], token)


def position(form: MemoForm, bill_id: str, memo_id: str, memos: Sequence[Document]) -> tuple[int, Document]:
    """Where among `memos` (line items) the memo is, and the memo. `NotFoundError` when it is not there."""
    for at, item in enumerate(memos):
        if item["id"] == memo_id and _is(form, item):
            return at, _document(item)
    raise NotFoundError(f"the bill {bill_id} has no {form.title} {memo_id}")


def shown(memo: Document, bill_id: str) -> Document:
    """A memo as the API answers it."""
    return {**memo, "billId": bill_id}


def _memos(stores: BillingStores, caller: Caller, bill_id: str) -> Sequence[Document]:
    require(caller, Action.CONFIG_RETRIEVE, "bill", bill_id)
    if stores.bills.get(caller.org_id, bill_id) is None:
        raise NotFoundError(f"there is no bill {bill_id}")
    return memos_of(stores.bills.line_items(caller.org_id, bill_id))


def _is(form: MemoForm, item: Document) -> bool:
    return bool(item[MEMO]["kind"] == form.kind.value)


def _document(item: Document) -> Document:
    found: Document = item[MEMO]["document"]
    return found


def _id(memo: Document) -> str:
    return str(memo["id"])

"""Take a credit or debit line item off a bill."""

from collections.abc import Sequence

from usance.application.access.authorize import require
from usance.application.billing.memos.change_memos import change_memos
from usance.application.billing.memos.forms import MemoForm
from usance.application.billing.memos.read_memos import position, shown
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.resources.wire import Document


def delete_memo(stores: BillingStores, caller: Caller, form: MemoForm, bill_id: str, memo_id: str) -> Document:
    """The memo as it was. `NotFoundError` when the bill has none; otherwise raises as `change_memos` does."""
    require(caller, Action.CONFIG_UPDATE, "bill", bill_id)
    removed: list[Document] = []

    def remove(_: Document, memos: Sequence[Document]) -> Sequence[Document]:
        at, memo = position(form, bill_id, memo_id, memos)
        removed[:] = [memo]
        return [*memos[:at], *memos[at + 1 :]]

    change_memos(stores, caller, bill_id, remove)
    return shown(removed[0], bill_id)

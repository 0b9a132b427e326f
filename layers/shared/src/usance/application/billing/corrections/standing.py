"""Which corrections of a bill stand on other bills.

A bill whose corrections stand is final, also when the lock date is moved back behind it: what the corrections bill, the bill
itself would bill again.
"""

from collections.abc import Mapping, Sequence

from usance.application.billing.corrections.history import History
from usance.application.billing.memos.lines import corrected_by, memos_of
from usance.application.billing.stores import BillingStores
from usance.domain.kernel.errors import InvalidInputError
from usance.resources.wire import Document


def standing(stores: BillingStores, org_id: str, history: History) -> Mapping[str, Sequence[Document]]:
    """By bill: the credit and debit line items on it that correct the bill of `history`, as they are now."""
    found = {
        target_id: [
            memo
            for memo in memos_of(stores.bills.line_items(org_id, target_id))
            if (of := corrected_by(memo)) and of.bill_id == history.bill_id
        ]
        for target_id in history.target_ids
    }
    return {target_id: memos for target_id, memos in found.items() if memos}


def bills_that_correct(stores: BillingStores, org_id: str, bill_id: str) -> Sequence[str]:
    """The bills on which corrections of the bill stand."""
    history = History.read(stores.entities, org_id, bill_id)
    return list(standing(stores, org_id, history)) if history.target_ids else []


def require_uncorrected(stores: BillingStores, org_id: str, bill_id: str) -> None:
    """`InvalidInputError` while corrections of the bill stand."""
    if on := bills_that_correct(stores, org_id, bill_id):
        raise InvalidInputError(
            f"the bill {bill_id} was corrected on the bill {', '.join(on)}; take those credit and debit line items off first, "
            "or lock the bill again and correct it once more"
        )

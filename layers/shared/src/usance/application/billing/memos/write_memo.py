"""Add a credit or debit line item to a bill, or replace one (billing.md 12.11)."""

from collections.abc import Mapping, Sequence
from typing import Any

from usance.application.access.authorize import require
from usance.application.audit import check_version, created, updated
from usance.application.billing.convert import currency_of, product_of
from usance.application.billing.documents import product_fields
from usance.application.billing.memos.change_memos import change_memos
from usance.application.billing.memos.forms import MemoForm
from usance.application.billing.memos.lines import Corrected, corrected_by, correcting, line_of
from usance.application.billing.memos.read_memos import position, shown
from usance.application.billing.stores import BillingStores
from usance.domain.access import Action, Caller
from usance.domain.billing.memos import applied, check_service_period
from usance.domain.kernel.errors import InvalidInputError
from usance.domain.kernel.money import Currency
from usance.resources import instants
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document


def create_memo(
    stores: BillingStores, caller: Caller, form: MemoForm, bill_id: str, body: Mapping[str, Any]
) -> Document:
    """The new memo, on the bill from now on. Raises as `change_memos` does; `InvalidInputError` for a wrong field."""
    require(caller, Action.CONFIG_UPDATE, "bill", bill_id)
    sent = _validated(form, body)
    memo = created(sent, stores.ids.new(), caller.audit_name, stores.clock.now())

    def add(bill: Document, memos: Sequence[Document]) -> Sequence[Document]:
        return [*memos, _line(stores, caller.org_id, form, memo, bill)]

    change_memos(stores, caller, bill_id, add)
    return shown(memo, bill_id)


def update_memo(
    stores: BillingStores, caller: Caller, form: MemoForm, bill_id: str, memo_id: str, body: Mapping[str, Any]
) -> Document:
    """The memo at its next version, its place kept: what `body` leaves out is cleared. Raises as `create_memo` does.

    `NotFoundError` without such a memo; `VersionConflictError` when it has moved on.
    """
    require(caller, Action.CONFIG_UPDATE, "bill", bill_id)
    sent = _validated(form, body)
    after: list[Document] = []

    def replace(bill: Document, memos: Sequence[Document]) -> Sequence[Document]:
        at, old = position(form, bill_id, memo_id, memos)
        check_version(body.get("version"), old, form.title)
        after[:] = [updated(sent, old, caller.audit_name, stores.clock.now())]
        corrects = corrected_by(memos[at])
        line = _line(stores, caller.org_id, form, after[0], bill, corrects)
        return [*memos[:at], correcting(line, corrects) if corrects else line, *memos[at + 1 :]]

    change_memos(stores, caller, bill_id, replace)
    return shown(after[0], bill_id)


def _validated(form: MemoForm, body: Mapping[str, Any]) -> Document:
    sent = document_of(validated(form.model, body))
    check_service_period(
        instants.from_text(sent["servicePeriodStartDate"]), instants.from_text(sent["servicePeriodEndDate"])
    )
    return {**sent, "lineItemType": sent.get("lineItemType", form.line_item_type)}


def _line(
    stores: BillingStores,
    org_id: str,
    form: MemoForm,
    memo: Document,
    bill: Document,
    corrects: Corrected | None = None,
) -> Document:
    """The line item of `memo` on `bill`, once everything it refers to is found. A correction stays one of what it corrects."""
    products = {
        **product_fields("product", product_of(_found(stores, org_id, memo, "productId", "product"))),
        **product_fields(
            "accountingProduct", product_of(_found(stores, org_id, memo, "accountingProductId", "product"))
        ),
    }
    for field in (form.reason_field, "reasonId"):
        if field in memo:
            _found(stores, org_id, memo, field, form.reason_type)
    if corrects is None:
        _check_referenced(stores, org_id, memo, bill)
    elif (memo["referencedBillId"], memo["referencedLineItemId"]) != (corrects.bill_id, corrects.line_id):
        raise InvalidInputError(
            f"referencedLineItemId: this is the correction of the line item {corrects.line_id} of the bill {corrects.bill_id}, "
            "and stays with it; delete it and make another one"
        )
    currency = _currency(stores, org_id, bill["currency"])
    amount = applied(form.kind, memo["amount"], memo.get("amountToApplyOnBill"), currency)
    return line_of(form, memo, bill["currency"], amount, products)


def _found(stores: BillingStores, org_id: str, memo: Document, field: str, type_: str) -> Document:
    found = stores.entities.get(org_id, type_, memo[field])
    if found is None:
        raise InvalidInputError(f"{field}: there is no {type_} {memo[field]}")
    return found


def _check_referenced(stores: BillingStores, org_id: str, memo: Document, bill: Document) -> None:
    """The line item that a memo is about stands on a bill of the same account."""
    bill_id, line_id = memo["referencedBillId"], memo["referencedLineItemId"]
    referenced = stores.bills.get(org_id, bill_id)
    if referenced is None:
        raise InvalidInputError(f"referencedBillId: there is no bill {bill_id}")
    if referenced["accountId"] != bill["accountId"]:
        raise InvalidInputError(f"referencedBillId: the bill {bill_id} is another account's")
    if all(item["id"] != line_id for item in stores.bills.line_items(org_id, bill_id)):
        raise InvalidInputError(f"referencedLineItemId: the bill {bill_id} has no line item {line_id}")


def _currency(stores: BillingStores, org_id: str, code: str) -> Currency:
    known = stores.entities.list_all(org_id, "currency", filters={"code": [code]})
    return currency_of(known[0]) if known else Currency(code)

"""Credit and debit line items of a bill (billing.md 12.11)."""

from collections.abc import Callable
from typing import Final

from usance.application.billing.memos.delete_memo import delete_memo
from usance.application.billing.memos.forms import CREDIT, DEBIT, MemoForm
from usance.application.billing.memos.read_memos import get_memo, list_memos
from usance.application.billing.memos.write_memo import create_memo, update_memo
from usance.application.billing.stores import BillingStores
from usance.entrypoints.http.routes import Operation, Request, Route, paging
from usance.resources.wire import Document

BILL: Final = "/organizations/{orgId}/bills/{billId}"
TAG: Final = "Billing"


def routes(stores: Callable[[], BillingStores]) -> tuple[Route, ...]:
    """The routes of this module."""
    return (*_of(CREDIT, stores), *_of(DEBIT, stores))


def _of(form: MemoForm, stores: Callable[[], BillingStores]) -> tuple[Route, ...]:
    def create(request: Request) -> Document:
        return create_memo(stores(), request.caller, form, request.path["billId"], request.json_object())

    def listing(request: Request) -> Document:
        size, token = paging(request)
        page = list_memos(stores(), request.caller, form, request.path["billId"], page_size=size, next_token=token)
        return {"data": list(page.data), "nextToken": page.next_token}

    def read(request: Request) -> Document:
        return get_memo(stores(), request.caller, form, request.path["billId"], request.path["id"])

    def update(request: Request) -> Document:
        bill_id, id_ = request.path["billId"], request.path["id"]
        return update_memo(stores(), request.caller, form, bill_id, id_, request.json_object())

    def delete(request: Request) -> Document:
        return delete_memo(stores(), request.caller, form, request.path["billId"], request.path["id"])

    name, what = f"{form.kind.value}LineItem", f"a {form.title}"
    items = f"{BILL}/{form.kind.value}lineitems"
    one = f"{items}/{{id}}"
    return (
        Route(
            "POST",
            items,
            create,
            Operation(f"{name}.create", f"Add {what} to a bill", TAG, body=form.model, returns=form.answer),
        ),
        Route(
            "GET",
            items,
            listing,
            Operation(f"{name}.list", f"List the {form.title}s of a bill", TAG, returns=form.answer, paged=True),
        ),
        Route("GET", one, read, Operation(f"{name}.get", f"Read {what}", TAG, returns=form.answer)),
        Route(
            "PUT",
            one,
            update,
            Operation(f"{name}.update", f"Replace {what}", TAG, body=form.model, returns=form.answer),
        ),
        Route("DELETE", one, delete, Operation(f"{name}.delete", f"Take {what} off a bill", TAG, returns=form.answer)),
    )

"""Bills, bill jobs and the billing configuration (billing.md 12)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from pydantic import BaseModel

from usance.application.billing.approve_bills import approve_bills, approve_matching
from usance.application.billing.bill_config import get_bill_config, update_bill_config
from usance.application.billing.bill_reading import (
    get_bill,
    get_line_item,
    latest_bill,
    list_bills,
    list_line_items,
)
from usance.application.billing.create_bill_job import create_bill_job
from usance.application.billing.delete_bill import delete_bill
from usance.application.billing.jobs import STATUSES
from usance.application.billing.list_lines import list_all_line_items
from usance.application.billing.lock_bill import lock_bill
from usance.application.billing.preview_bill import Previewing, preview_bill
from usance.application.billing.read_jobs import cancel_bill_job, get_bill_job, list_bill_jobs
from usance.application.billing.recalculate_bills import recalculate_bills
from usance.application.billing.records.examine import Examining
from usance.application.billing.search_bills import FIELDS, search_bills
from usance.application.billing.set_bill_status import set_bill_status
from usance.application.billing.stores import BillingStores
from usance.application.ports.bills import INDEXED_BY_LINES, BillQuery, DateRange
from usance.application.ports.entities import Page
from usance.bootstrap.bill_examining import examining, previewing
from usance.bootstrap.billing import billing_stores
from usance.domain.billing.lifecycle import BillStatus
from usance.domain.kernel.calendar import FIRST_YEAR, LAST_YEAR
from usance.domain.kernel.errors import InvalidInputError
from usance.entrypoints.http import bill_memos, bill_records, core
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, day, flag, paging
from usance.entrypoints.http.search_parameters import search_of, search_parameters
from usance.resources import billing as models
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

TAG: Final = "Billing"
ORGANIZATION: Final = "/organizations/{orgId}"
BILLS: Final = f"{ORGANIZATION}/bills"
JOBS: Final = f"{ORGANIZATION}/billjobs"
CONFIG: Final = f"{ORGANIZATION}/billconfig"

LINE_FILTERS: Final = ("billId", *INDEXED_BY_LINES)
IDS_MAX: Final = 200  # ids in one list request
EQUAL_FILTERS: Final = ("accountId", "status", "billingFrequency", "billDate", "billJobId")
FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "ANNUALLY", "AD_HOC", "MIXED")
_DAY: Final = {"type": "string", "format": "date"}
_BOOLEAN: Final = {"type": "boolean"}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_ADDITIONAL: Final = QueryParameter("additional", "Accepted for compatibility; adds nothing.", _TEXTS)
_DEBUG: Final = QueryParameter("debug", "Accepted for compatibility; adds nothing.", _BOOLEAN)
_LIST: Final = (
    QueryParameter("ids", "Bills with these ids.", _TEXTS),
    QueryParameter("accountId", "Bills of this account."),
    QueryParameter("status", "Bills in this status.", {"type": "string", "enum": [*BillStatus]}),
    QueryParameter("locked", "Only locked bills, or only those that are not.", _BOOLEAN),
    QueryParameter("billDate", "Bills of this date.", _DAY),
    QueryParameter("billDateStart", "Bills of this date or later.", _DAY),
    QueryParameter("billDateEnd", "Bills of earlier dates than this.", _DAY),
    QueryParameter("externalInvoiceDateStart", "Bills with this invoice date or a later one.", _DAY),
    QueryParameter("externalInvoiceDateEnd", "Bills with invoice dates before this.", _DAY),
    QueryParameter("billingFrequency", "Bills of this frequency.", {"type": "string", "enum": list(FREQUENCIES)}),
    QueryParameter("billJobId", "Bills last calculated by this job."),
    QueryParameter("excludeLineItems", "Leave the line items out.", _BOOLEAN),
    QueryParameter("includeBillTotal", "Show the total of each bill.", _BOOLEAN),
    _ADDITIONAL,
)
_OF_ACCOUNT: Final = tuple(parameter for parameter in _LIST if parameter.name != "accountId")  # the path says that
_OF_PERIOD: Final = tuple(parameter for parameter in _LIST if parameter.name != "billingFrequency")
_LINE_QUERY: Final = (
    QueryParameter("billId", "Line items of this bill."),
    QueryParameter(
        "lineItemType", "Line items of this type.", {"type": "string", "enum": list(models.LINE_ITEM_TYPES)}
    ),
    QueryParameter("commitmentId", "Line items that draw this commitment down, or bill its fees."),
)
_APPROVE: Final = (
    QueryParameter("billIds", "Bills to approve, when the body names none.", _TEXTS),
    QueryParameter("accountIds", "Pending bills of these accounts, when no bill is named.", _TEXTS),
    QueryParameter("externalInvoiceDateStart", "Pending bills with this invoice date or a later one.", _DAY),
    QueryParameter("externalInvoiceDateEnd", "Pending bills with invoice dates before this.", _DAY),
)
_JOBS: Final = (
    QueryParameter(
        "active",
        "true lists the jobs that are not over; false lists all.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    QueryParameter("status", "Jobs in this status.", {"type": "string", "enum": list(STATUSES)}),
)
Stores = Callable[[], BillingStores]


def handler() -> core.Handler:
    """The Lambda handler of these routes."""
    return core.build(routes())


def routes(
    stores: Stores = billing_stores,
    bench: Callable[[], Previewing] = previewing,
    desk: Callable[[], Examining] = examining,
) -> tuple[Route, ...]:
    """The routes, on the stores that `stores` gives at the first request."""
    return (
        *_bills(stores, desk),
        _preview(bench),
        *_lines(stores),
        *_periods(stores),
        *bill_memos.routes(stores),
        *bill_records.routes(desk),
        *_jobs(stores),
        *_config(stores),
    )


def _bills(stores: Stores, desk: Callable[[], Examining]) -> tuple[Route, ...]:
    def read(request: Request) -> Document:
        return get_bill(stores(), request.caller, request.path["id"])

    def latest(request: Request) -> Document:
        return latest_bill(stores(), request.caller, request.path["accountId"])

    def set_status(request: Request) -> Document:
        status = BillStatus(validated(models.StatusRequest, request.json_object()).status)
        return set_bill_status(stores(), request.caller, request.path["id"], status)

    def lock(request: Request) -> Document:
        return lock_bill(stores(), request.caller, request.path["id"])

    def delete(request: Request) -> Document:
        return delete_bill(stores(), desk().blobs, request.caller, request.path["id"])

    def of_account(request: Request) -> Document:
        return _list(stores(), request, {"accountId": [request.path["accountId"]]})

    bill = f"{BILLS}/{{id}}"
    return (
        _route("GET", BILLS, lambda request: _list(stores(), request), "listBills", "List bills", returns=models.Bill, query=_LIST, paged=True),
        _route("POST", f"{BILLS}/approve", lambda request: _approve(stores(), request), "approveBills", "Approve bills", body=models.ApproveRequest, returns=models.Message, query=_APPROVE),
        _route("GET", f"{BILLS}/search", lambda request: search_bills(stores(), request.caller, search_of(request)), "searchBills", "Search bills", returns=models.Bill, query=search_parameters(FIELDS), paged=True),
        _route("GET", f"{BILLS}/latest/{{accountId}}", latest, "getLatestBill", "Read the latest bill of an account", returns=models.Bill, query=(_ADDITIONAL,)),
        _route("GET", f"{BILLS}/accountid/{{accountId}}", of_account, "listBillsOfAccount", "List the bills of an account", returns=models.Bill, query=_OF_ACCOUNT, paged=True),
        _route("GET", bill, read, "getBill", "Read a bill", returns=models.Bill, query=(_ADDITIONAL,)),
        _route("DELETE", bill, delete, "deleteBill", "Delete a bill", returns=models.Bill),
        _route("PUT", f"{bill}/status", set_status, "setBillStatus", "Approve a bill, or take that back", body=models.StatusRequest, returns=models.Bill),
        _route("PUT", f"{bill}/lock", lock, "lockBill", "Lock a bill for good", returns=models.Bill),
    )  # fmt: skip


def _preview(bench: Callable[[], Previewing]) -> Route:
    def preview(request: Request) -> Document:
        return preview_bill(bench(), request.caller, _body(models.BillPreviewRequest, request))

    return _route("POST", f"{BILLS}/preview", preview, "previewBill", "Calculate a bill without storing it", body=models.BillPreviewRequest, returns=models.Bill, query=(_DEBUG,))  # fmt: skip


def _lines(stores: Stores) -> tuple[Route, ...]:
    def lines(request: Request) -> Document:
        size, token = paging(request)
        return _envelope(
            list_line_items(stores(), request.caller, request.path["billId"], page_size=size, next_token=token)
        )

    def line(request: Request) -> Document:
        return get_line_item(stores(), request.caller, request.path["billId"], request.path["id"])

    def all_lines(request: Request) -> Document:
        size, token = paging(request)
        named = {"billId": "id"}
        given = {name: value for name in LINE_FILTERS if (value := request.one(name))}
        if wanted := given.get("lineItemType"):
            _one_of(wanted, "lineItemType", models.LINE_ITEM_TYPES)
        filters = {named.get(name, name): [value] for name, value in given.items()}
        return _envelope(list_all_line_items(stores(), request.caller, filters, page_size=size, next_token=token))

    item = f"{BILLS}/{{billId}}/lineitems"
    return (
        _route("GET", f"{ORGANIZATION}/lineitems", all_lines, "listAllLineItems", "List line items over all bills", returns=models.LineItem, query=_LINE_QUERY, paged=True),
        _route("GET", item, lines, "listLineItems", "List the line items of a bill", returns=models.LineItem, query=(_ADDITIONAL,), paged=True),
        _route("GET", f"{item}/{{id}}", line, "getLineItem", "Read a line item", returns=models.LineItem, query=(_ADDITIONAL,)),
    )  # fmt: skip


def _periods(stores: Stores) -> tuple[Route, ...]:
    def listing(request: Request) -> Document:
        end, frequency = _period(request)
        return _list(stores(), request, {"billingFrequency": [frequency]}, end_date=end)

    def approve(request: Request) -> Document:
        end, frequency = _period(request)
        query = BillQuery({"billingFrequency": [frequency]}, end_date=end)
        return approve_matching(stores(), request.caller, query)

    period = f"{BILLS}/billingperiod/{{lastDateInBillingPeriod}}/{{billingFrequency}}"
    return (
        _route("GET", period, listing, "listBillsOfPeriod", "List the bills of a period by its last day", returns=models.Bill, query=_OF_PERIOD, paged=True),
        _route("POST", f"{period}/approve", approve, "approveBillsOfPeriod", "Approve the bills of a period", returns=models.Message),
    )  # fmt: skip


def _period(request: Request) -> tuple[date, str]:
    """The first day after the period in the path, and its frequency."""
    try:
        last = date.fromisoformat(request.path["lastDateInBillingPeriod"])
    except ValueError as malformed:
        raise InvalidInputError("lastDateInBillingPeriod must be a date such as 2026-01-31") from malformed
    if not FIRST_YEAR <= last.year <= LAST_YEAR:
        raise InvalidInputError(f"lastDateInBillingPeriod must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return last + timedelta(days=1), _one_of(request.path["billingFrequency"], "billingFrequency", FREQUENCIES)


def _jobs(stores: Stores) -> tuple[Route, ...]:
    def create(request: Request) -> Document:
        return create_bill_job(stores(), request.caller, _body(models.BillJobRequest, request))

    def recalculate(request: Request) -> Document:
        return recalculate_bills(stores(), request.caller, _body(models.RecalculateRequest, request))

    def read(request: Request) -> Document:
        return get_bill_job(stores(), request.caller, request.path["id"])

    def cancel(request: Request) -> Document:
        return cancel_bill_job(stores(), request.caller, request.path["id"])

    def listing(request: Request) -> Document:
        size, token = paging(request)
        filters: dict[str, Sequence[str]] = {}
        if flag(request, "active"):
            filters["active"] = ["true"]
        if status := request.one("status"):
            filters["status"] = [_one_of(status, "status", STATUSES)]
        return _envelope(list_bill_jobs(stores(), request.caller, filters, page_size=size, next_token=token))

    job = f"{JOBS}/{{id}}"
    return (
        _route("POST", JOBS, create, "createBillJob", "Calculate bills", body=models.BillJobRequest, returns=models.BillJob),
        _route("GET", JOBS, listing, "listBillJobs", "List bill jobs", returns=models.BillJob, query=_JOBS, paged=True),
        _route("POST", f"{JOBS}/recalculate", recalculate, "recalculateBills", "Calculate bills again", body=models.RecalculateRequest, returns=models.BillJob),
        _route("GET", job, read, "getBillJob", "Read a bill job", returns=models.BillJob),
        _route("POST", f"{job}/cancel", cancel, "cancelBillJob", "Cancel a bill job", returns=models.BillJob),
    )  # fmt: skip


def _config(stores: Stores) -> tuple[Route, ...]:
    def read(request: Request) -> Document:
        return get_bill_config(stores(), request.caller)

    def update(request: Request) -> Document:
        return update_bill_config(stores(), request.caller, _body(models.BillConfigRequest, request))

    return (
        _route("GET", CONFIG, read, "getBillConfig", "Read the billing configuration", returns=models.BillConfig),
        _route("PUT", CONFIG, update, "updateBillConfig", "Replace the billing configuration", body=models.BillConfigRequest, returns=models.BillConfig),
    )  # fmt: skip


def _route(method: str, path: str, handle: Callable[[Request], Any], id_: str, summary: str, **more: Any) -> Route:
    return Route(method, path, handle, Operation(id_, summary, TAG, **more))


def _list(
    stores: BillingStores,
    request: Request,
    given: Mapping[str, Sequence[str]] | None = None,
    end_date: date | None = None,
) -> Document:
    """The bills that the parameters of the query ask for, of those that the path gives."""
    size, token = paging(request)
    filters: dict[str, Sequence[str]] = dict(given or {})
    for name in EQUAL_FILTERS:
        if name not in filters and (value := request.one(name)):
            filters[name] = [_checked(request, name, value)]
    if ids := request.many("ids"):
        if len(ids) > IDS_MAX:
            raise InvalidInputError(f"ids: at most {IDS_MAX} ids in one request")
        filters["id"] = list(ids)
    page = list_bills(
        stores,
        request.caller,
        BillQuery(
            filters,
            end_date=end_date,
            bill_dates=_range(request, "billDate"),
            external_invoice_dates=_range(request, "externalInvoiceDate"),
            locked=flag(request, "locked") if request.one("locked") else None,
        ),
        page_size=size,
        next_token=token,
        with_lines=not flag(request, "excludeLineItems"),
        with_total=flag(request, "includeBillTotal"),
    )
    return _envelope(page)


def _approve(stores: BillingStores, request: Request) -> Document:
    """The body's bills win; without them those of the query; without any the filters of the query (billing.md 12.7)."""
    bill_ids = (
        validated(models.ApproveRequest, request.json_object()).bill_ids
        or validated(models.ApproveRequest, _named(request)).bill_ids
    )
    if bill_ids:
        return approve_bills(stores, request.caller, bill_ids)
    accounts, dates = request.many("accountIds"), _range(request, "externalInvoiceDate")
    if not accounts and dates is None:
        raise InvalidInputError(
            "billIds is required, or accountIds, externalInvoiceDateStart or externalInvoiceDateEnd"
        )
    filters = {"accountId": list(accounts)} if accounts else {}
    return approve_matching(stores, request.caller, BillQuery(filters, external_invoice_dates=dates))


def _named(request: Request) -> Document:
    named = request.many("billIds")
    return {"billIds": list(named)} if named else {}


def _checked(request: Request, name: str, value: str) -> str:
    match name:
        case "status":
            return _one_of(value, name, tuple(BillStatus))
        case "billingFrequency":
            return _one_of(value, name, FREQUENCIES)
        case "billDate":
            return str(day(request, name))
        case _:
            return value


def _one_of(value: str, name: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise InvalidInputError(f"{name} must be one of {', '.join(allowed)}")
    return value


def _range(request: Request, name: str) -> DateRange | None:
    start, end = day(request, f"{name}Start"), day(request, f"{name}End")
    return DateRange(start, end) if start or end else None


def _body(model: type[BaseModel], request: Request) -> Document:
    return document_of(validated(model, request.json_object()))


def _envelope(page: Page) -> Document:
    return {"data": list(page.data), "nextToken": page.next_token}

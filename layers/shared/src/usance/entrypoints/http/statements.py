"""Statement jobs, and the files of bills and of their statements (billing.md 12.10, 14)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from usance.application.billing.download_bills import download_bills
from usance.application.statements.bill_statement import create_bill_csv, get_bill_statement
from usance.application.statements.cancel_statement_job import cancel_statement_job
from usance.application.statements.create_statement_jobs import create_statement_jobs
from usance.application.statements.jobs import STATUSES
from usance.application.statements.read_statement_jobs import get_statement_job, list_statement_jobs
from usance.bootstrap.statements import StatementStores, statement_stores
from usance.entrypoints.http import core
from usance.entrypoints.http.routes import Operation, QueryParameter, Request, Route, paging
from usance.resources.billing import BillsDownloadRequest
from usance.resources.statement_jobs import (
    ObjectUrl,
    StatementJob,
    StatementJobBatchCreate,
    StatementJobCreate,
)
from usance.resources.validation import document_of, validated
from usance.resources.wire import Document

TAG: Final = "Statements"
JOBS: Final = "/organizations/{orgId}/statementjobs"
DOWNLOAD: Final = "/organizations/{orgId}/bills/download/csv/url"
FILES: Final = "/organizations/{orgId}/bills/{id}/statement"

_FILTERS: Final = (
    QueryParameter(
        "active",
        "true lists the jobs that are not over; false lists all.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    QueryParameter("status", "Jobs in this status.", {"type": "string", "enum": list(STATUSES)}),
    QueryParameter("billId", "Jobs of this bill."),
)


def handler() -> core.Handler:
    """The Lambda handler of these routes."""
    return core.build(routes())


def routes(build: Callable[[], StatementStores] = statement_stores) -> tuple[Route, ...]:
    """The routes, on the stores that `build` gives."""

    def create(request: Request) -> Document:
        body = validated(StatementJobCreate, request.json_object())
        return _create(build(), request, body, [body.bill_id])[0]

    def create_batch(request: Request) -> Sequence[Document]:
        body = validated(StatementJobBatchCreate, request.json_object())
        return _create(build(), request, body, body.bill_ids)

    def read(request: Request) -> Document:
        ports = build()
        return get_statement_job(
            ports.entities, ports.bills, ports.blobs, caller=request.caller, job_id=request.path["id"]
        )

    def cancel(request: Request) -> Document:
        ports = build()
        return cancel_statement_job(ports.entities, ports.clock, caller=request.caller, job_id=request.path["id"])

    def create_csv(request: Request) -> Document:
        ports = build()
        return create_bill_csv(
            ports.entities,
            ports.bills,
            ports.blobs,
            ports.queue,
            ports.clock,
            caller=request.caller,
            bill_id=request.path["id"],
            sleep=ports.sleep,
        )

    def download(request: Request) -> Document:
        ports, body = build(), document_of(validated(BillsDownloadRequest, request.json_object()))
        return download_bills(ports.entities, ports.bills, ports.blobs, caller=request.caller, request=body)

    return (
        Route(
            "POST",
            DOWNLOAD,
            download,
            Operation("downloadBills", "Download bills as CSV", TAG, BillsDownloadRequest, ObjectUrl),
        ),
        Route(
            "POST",
            JOBS,
            create,
            Operation("createStatementJob", "Make the statement of a bill", TAG, StatementJobCreate, StatementJob),
        ),
        Route(
            "GET",
            JOBS,
            lambda request: _list(build(), request),
            Operation("listStatementJobs", "List statement jobs", TAG, None, StatementJob, _FILTERS, paged=True),
        ),
        Route(
            "POST",
            f"{JOBS}/batch",
            create_batch,
            Operation(
                "createStatementJobs",
                "Make the statements of several bills",
                TAG,
                StatementJobBatchCreate,
                StatementJob,
                array=True,
            ),
        ),
        Route(
            "GET", f"{JOBS}/{{id}}", read, Operation("getStatementJob", "Read a statement job", TAG, None, StatementJob)
        ),
        Route(
            "POST",
            f"{JOBS}/{{id}}/cancel",
            cancel,
            Operation("cancelStatementJob", "Cancel a statement job", TAG, None, StatementJob),
        ),
        Route(
            "POST",
            f"{FILES}/csv",
            create_csv,
            Operation("createBillStatementCsv", "Make the statement of a bill as CSV", TAG, None, ObjectUrl),
        ),
        Route(
            "GET",
            f"{FILES}/csv",
            lambda request: _file(build(), request, "csv"),
            Operation("getBillStatementCsv", "Download the statement of a bill as CSV", TAG, None, ObjectUrl),
        ),
        Route(
            "GET",
            f"{FILES}/json",
            lambda request: _file(build(), request, "json"),
            Operation("getBillStatementJson", "Download the statement of a bill as JSON", TAG, None, ObjectUrl),
        ),
    )


def _create(
    ports: StatementStores,
    request: Request,
    body: StatementJobCreate | StatementJobBatchCreate,
    bill_ids: Sequence[str],
) -> Sequence[Document]:
    return create_statement_jobs(
        ports.entities,
        ports.bills,
        ports.queue,
        ports.clock,
        ports.ids,
        caller=request.caller,
        bill_ids=bill_ids,
        include_csv=body.include_csv_format,
        meter_ids=body.filters.meter_ids,
    )


def _list(ports: StatementStores, request: Request) -> dict[str, Any]:
    page_size, next_token = paging(request)
    page = list_statement_jobs(
        ports.entities,
        ports.bills,
        ports.blobs,
        ports.clock,
        caller=request.caller,
        active=request.one("active"),
        status=request.one("status"),
        bill_id=request.one("billId"),
        page_size=page_size,
        next_token=next_token,
    )
    return {"data": page.data, "nextToken": page.next_token}


def _file(ports: StatementStores, request: Request, extension: str) -> Document:
    return get_bill_statement(
        ports.entities,
        ports.bills,
        ports.blobs,
        caller=request.caller,
        bill_id=request.path["id"],
        extension=extension,
    )
